"""Signatures that carry their key and their end: `<key id>.<expires>.<mac>`.

Every purpose signs with a key of its own, derived from the site key, so that a link to a photo can
never pass for a session. A signature has exactly one spelling: it is compared as text with the one
that we would have written.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Problem(StrEnum):
    """Why a signature or token does not count."""

    EXPIRED = "expired"
    INVALID = "invalid"


_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]{8})\.([1-9]\d{0,11})\.[A-Za-z0-9_-]{43}", re.ASCII)
_KEY_ID_BYTES: Final = 6


def sign(keys: Sequence[str], purpose: str, payload: str, expires: int) -> str:
    """With the newest key. `payload` travels beside the signature, not in it."""
    return _spell(keys[0], purpose, payload, expires)


def verify(
    keys: Sequence[str], purpose: str, payload: str, signature: str, now: float
) -> Problem | None:
    """None: one of our keys signed just this, and its time has not come."""
    found = _SHAPE.fullmatch(signature)
    if not found:
        return Problem.INVALID
    expires = int(found[2])
    for key in keys:
        if hmac.compare_digest(_spell(key, purpose, payload, expires), signature):
            return Problem.EXPIRED if now >= expires else None
    return Problem.INVALID


@lru_cache(maxsize=256)
def derive(key: str, purpose: str) -> bytes:
    """The key of one purpose (HKDF's expand step: the site key is long and random already)."""
    return hmac.digest(key.encode(), b"handoff/" + purpose.encode() + b"\x01", hashlib.sha256)


def mac(key: str, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(derive(key, purpose), payload, hashlib.sha256)


def base64url(raw: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _spell(key: str, purpose: str, payload: str, expires: int) -> str:
    digest = mac(key, purpose, f"{expires}.{payload}".encode())
    return f"{_key_id(key)}.{expires}.{base64url(digest)}"


@lru_cache(maxsize=64)
def _key_id(key: str) -> str:
    """Tells which key signed, and nothing about it."""
    return base64url(mac(key, "key-id", b"")[:_KEY_ID_BYTES])
