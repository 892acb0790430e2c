"""Who a visitor is to us: never the bearer secret that their browser keeps, only its HMAC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from libs.identity.signatures import base64url, mac

_ID_BYTES: Final = 18
_HOSTED_USER: Final = re.compile(r"(v_[A-Za-z0-9_-]{24})\.([a-z0-9-]+)")


def visitor_id(key: str, user: str) -> str:
    """`v_` and 24 characters of [A-Za-z0-9_-]."""
    return "v_" + base64url(mac(key, "visitor", user.encode("utf-8", "surrogatepass"))[:_ID_BYTES])


def visitor_ids(keys: Sequence[str], user: str) -> tuple[str, ...]:
    """Newest first: under the current key, then under each older one that is still kept."""
    return tuple(visitor_id(key, user) for key in keys)


def hosted_user(visitor: str, shop: str, *, alone: bool) -> str:
    """As OpenAI knows them: it keeps the threads of all our shops together, and only this says
    whose one is. A shop that is alone needs no mark.
    """
    return visitor if alone else f"{visitor}.{shop}"


def visitor_of(user: str, shop: str) -> str | None:
    """None: another shop's. A thread without a mark began when its shop was alone."""
    marked = _HOSTED_USER.fullmatch(user)
    if marked is None:
        return user
    return marked[1] if marked[2] == shop else None
