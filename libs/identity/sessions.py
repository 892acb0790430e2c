"""Our own session token: signed, bound to one visitor of one shop, short-lived.

`<payload>.<key id>.<expires>.<mac>`; it tells its bearer nothing that they do not know.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from libs.identity.signatures import Problem, base64url, sign, verify

SESSION_SECONDS: Final = 600
LONGEST_TOKEN: Final = 2048
LONGEST_PAGE_URL: Final = 512
"""A longer one is left out of the token: half an address is another address."""
_PURPOSE: Final = "session"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a valid token says."""

    shop: str
    visitor: str
    expires: int
    earlier: tuple[str, ...] = ()
    """The same visitor under older site keys: they still own what they owned then."""
    locale: str = ""
    """Of the page that asked for the session, as is its address."""
    page_url: str = ""

    @property
    def visitors(self) -> tuple[str, ...]:
        return (self.visitor, *self.earlier)


class _Payload(msgspec.Struct, frozen=True, array_like=True):
    """A new field goes to the end and has a default: the processes of one release read the tokens
    of the next, and pass over what they do not know.
    """

    shop: str
    visitors: tuple[str, ...]
    locale: str = ""
    page_url: str = ""


_decoder = msgspec.json.Decoder(_Payload)


def mint_session_token(
    keys: Sequence[str],
    shop: str,
    visitors: Sequence[str],
    expires: int,
    locale: str = "",
    page_url: str = "",
) -> str:
    """`visitors` as `visitor_ids` gives them, newest first."""
    page = page_url if len(page_url) <= LONGEST_PAGE_URL else ""
    payload = base64url(msgspec.json.encode(_Payload(shop, tuple(visitors), locale, page)))
    return f"{payload}.{sign(keys, _PURPOSE, payload, expires)}"


def read_session_token(keys: Sequence[str], token: str, now: float) -> Session | Problem:
    if len(token) > LONGEST_TOKEN:
        return Problem.INVALID
    payload, _, signature = token.partition(".")
    if problem := verify(keys, _PURPOSE, payload, signature, now):
        return problem
    try:
        read = _decoder.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        newest, *earlier = read.visitors
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return Problem.INVALID  # signed by us, but by a version whose payload we no longer read
    expires = int(signature.split(".")[1])
    return Session(
        shop=read.shop,
        visitor=newest,
        expires=expires,
        earlier=tuple(earlier),
        locale=read.locale,
        page_url=read.page_url,
    )
