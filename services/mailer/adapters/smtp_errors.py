"""THE TABLE of SMTP: what each reply, or its absence, says at each stage of one mail."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from services.mailer.adapters.ses_errors import NOT_VERIFIED, SENDER_NOT_VERIFIED
from services.mailer.ports import Accepted, Outcome, Refused, Unknown


class Stage(StrEnum):
    """Where in the conversation we are. Only from `DOT` on can the mail have left."""

    CONNECT = "connect"
    HELLO = "hello"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"


_DELAY: Final = Refused("", provider_wide=True)
_TELL: Final = Refused("", provider_wide=True, tell=True)
_COUNTS: Final = Refused("")
_CONTENT: Final = Refused("", of_content=True)
_BODY_LOST: Final = Refused("", of_content_if_again=True)
_LATER: Final = Refused("", temporary=True)
_LATER_SENDER: Final = Refused("", temporary=True, of_sender=True)
_TELL_SENDER: Final = Refused("", provider_wide=True, tell=True, of_sender=True)
"""All that MAIL names is the sender. Where more was meant, the next sender hears it too."""

SHUTTING_DOWN: Final = 421
"""May come at any stage; says nothing about the mail."""

TOO_LARGE: Final = frozenset({523, 552})
"""Said of the size that MAIL announces."""

_ENHANCED: Final = re.compile(r"5\d\d\s+5\.(\d{1,3}\.\d{1,3})\b")
_SENDER_UNKNOWN: Final = r"1\.[78]|7\.2\d|7\.60|2\.252"
"""RFC 3463 and 5248: its address or domain, SPF, DKIM; Exchange: it may not send as this sender."""
_POLICY: Final = r"7\.(?!(?:2|1[789])$)\d+"
"""Not allowed; but for a list's rule or a mailbox's new owner, which are the recipient's."""
ABOUT_SENDER: Final = {
    Stage.RCPT: re.compile(f"{_SENDER_UNKNOWN}|{_POLICY}"),
    Stage.DATA: re.compile(_SENDER_UNKNOWN),
    Stage.DOT: re.compile(_SENDER_UNKNOWN),
}
"""Enhanced codes that mean the sender for good, whichever command hears them: before DATA, a policy
cannot mean a mail of which nothing was seen; after the dot, `5.7.1` may well mean what it says.
Put off is put off, whoever is named: `450 4.7.1` is also greylisting, or a slow name server.
"""

REPLIES: Final = {
    #             4yz, not now   5yz, never
    Stage.CONNECT: (_DELAY, _TELL),
    Stage.HELLO: (_DELAY, _TELL),
    Stage.TLS: (_TELL, _TELL),
    Stage.AUTH: (_DELAY, _TELL),
    Stage.MAIL: (_LATER_SENDER, _TELL_SENDER),
    Stage.RCPT: (_LATER, _COUNTS),
    Stage.DATA: (_LATER, _COUNTS),
    Stage.BODY: (_LATER, _CONTENT),
    Stage.DOT: (_LATER, _CONTENT),
}

SILENCE: Final[dict[Stage, Refused | Unknown]] = {
    Stage.CONNECT: _DELAY,
    Stage.HELLO: _DELAY,
    Stage.TLS: _TELL,
    Stage.AUTH: _DELAY,
    Stage.MAIL: _DELAY,
    Stage.RCPT: _DELAY,
    Stage.DATA: _DELAY,
    Stage.BODY: _BODY_LOST,
    Stage.DOT: Unknown(""),
}
"""
Timeout, reset, end of file, TLS error: definite until the dot was written, for a server takes no
mail without it. A loss within the body counts against this mail, and the second makes it plainer:
one may be the network, and a mail may be what kills the server.
"""


def of_reply(stage: Stage, code: int, said: str = "") -> Outcome:
    """What a reply other than the expected one means."""
    name = f"{stage}_{code}"
    if stage is Stage.DOT and NOT_VERIFIED in said:
        return SENDER_NOT_VERIFIED
    if code == SHUTTING_DOWN:
        return Refused(name, provider_wide=True)
    if stage is Stage.MAIL and code in TOO_LARGE:
        return _named(_CONTENT, name)
    if _is_about_sender(stage, f"{code} {said}"):
        stage = Stage.MAIL
    match code // 100:
        case 4 | 5 as kind:
            return _named(REPLIES[stage][kind - 4], name)
        case 2 if stage is Stage.DOT:
            return Accepted()
        case _ if stage is Stage.DOT:
            return Unknown(name)
        case _:
            return _named(_TELL, name)


def _is_about_sender(stage: Stage, reply: str) -> bool:
    enhanced = _ENHANCED.match(reply)
    means_it = ABOUT_SENDER.get(stage)
    return bool(enhanced and means_it and means_it.fullmatch(enhanced[1]))


def of_silence(stage: Stage, what: str) -> Outcome:
    """What it means that no reply came; `what` is `timeout` or `lost`."""
    name = f"{stage}_{what}"
    meaning = SILENCE[stage]
    return Unknown(name) if isinstance(meaning, Unknown) else _named(meaning, name)


def _named(meaning: Refused, name: str) -> Refused:
    return replace(meaning, code=name)
