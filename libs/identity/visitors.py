"""Who a visitor is to us: never the bearer secret that their browser keeps, only its HMAC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from libs.identity.signatures import base64url, mac

_ID_BYTES: Final = 18


def visitor_id(key: str, user: str) -> str:
    """`v_` and 24 characters of [A-Za-z0-9_-]."""
    return "v_" + base64url(mac(key, "visitor", user.encode("utf-8", "surrogatepass"))[:_ID_BYTES])


def visitor_ids(keys: Sequence[str], user: str) -> tuple[str, ...]:
    """Newest first: under the current key, then under each older one that is still kept."""
    return tuple(visitor_id(key, user) for key in keys)
