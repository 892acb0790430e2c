"""Our own session token: signed, bound to one visitor of one shop, short-lived.

`<payload>.<key id>.<expires>.<mac>`; it tells its bearer nothing that they do not know.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from libs.identity.signatures import Problem, base64url, sign, verify

SESSION_SECONDS: Final = 600
LONGEST_TOKEN: Final = 2048
_LONGEST_PAGE_URL: Final = 512
_PURPOSE: Final = "session"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a valid token says."""

    shop: str
    visitors: tuple[str, ...]
    """As `visitor_ids` gives them: under older site keys they still own what they owned then."""
    expires: int
    locale: str = ""
    """Of the page that asked for the session, as is its address."""
    page_url: str = ""

    @property
    def visitor(self) -> str:
        return self.visitors[0]


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    """A new field goes to the end and has a default: the processes of one release read the tokens
    of the next, and pass over what they do not know.
    """

    shop: str
    visitors: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    locale: str = ""
    page_url: str = ""


_decoder = msgspec.json.Decoder(_Payload)


def carried_page(page_url: str) -> str:
    """Whole or not at all: half an address is another address."""
    return page_url if len(page_url) <= _LONGEST_PAGE_URL else ""


def mint_session_token(keys: Sequence[str], session: Session) -> str:
    page = carried_page(session.page_url)
    said = _Payload(session.shop, session.visitors, session.locale, page)
    payload = base64url(msgspec.json.encode(said))
    return f"{payload}.{sign(keys, _PURPOSE, payload, session.expires)}"


def read_session_token(keys: Sequence[str], token: str, now: float) -> Session | Problem:
    if len(token) > LONGEST_TOKEN:
        return Problem.INVALID
    payload, _, signature = token.partition(".")
    if problem := verify(keys, _PURPOSE, payload, signature, now):
        return problem
    try:
        read = _decoder.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return Problem.INVALID  # signed by us, but by a version whose payload we no longer read
    return Session(
        shop=read.shop,
        visitors=read.visitors,
        expires=int(signature.split(".")[1]),
        locale=read.locale,
        page_url=read.page_url,
    )
