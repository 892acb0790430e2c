"""Links by which the shop texts a customer from its mail: a page that opens the messenger.

token = HMAC(site key, shop, thread, snapshot), 128 bits, so that a rebuilt mail carries the
same link and nobody can guess one. What it opens is a blob named by the token's hash, kept
by the mailer before it arms; the page answers only once the durable record says that this
very snapshot was armed: no link lives for a mail that never left, nor longer than its key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from libs.blobs.port import Blob, Blobs
from libs.blobs.structs import blob_of, find_struct
from libs.identity.signatures import base64url, mac
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey, LeadRecord, State

LINKS: Final = "message-links/"
LIFE_SECONDS: Final = 7 * 86_400
_PURPOSE: Final = "message-link"
_TOKEN_BYTES: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_LEFT_OR_MAY_HAVE: Final = frozenset({State.SENDING, State.SENT})


class MessageLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a token opens: whom to text, and what to say."""

    shop: str
    thread_id: str
    snapshot: str
    """Blob key of the snapshot whose mail carries the link."""
    phone: str
    """E.164."""
    body: str


class NoLink(Enum):
    """Why a token opens nothing; the values are the error codes of the API."""

    INVALID = "invalid_token"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"


def link_token(site_key: str, shop: str, thread_id: str, snapshot: str) -> str:
    """22 characters of [A-Za-z0-9_-]; the same for every build of the same snapshot's mail."""
    said = f"{shop}\0{thread_id}\0{snapshot}"
    return base64url(mac(site_key, _PURPOSE, said.encode())[:_TOKEN_BYTES])


def link_url(public_url: str, token: str) -> str:
    return f"{public_url.rstrip('/')}/message/?token={token}"


def link_key(token: str) -> str:
    """Where its blob lies; the name does not give the token away."""
    return f"{LINKS}{hashlib.sha256(token.encode()).hexdigest()}.json"


def link_blob(token: str, link: MessageLink) -> Blob:
    """Put before the mail is armed. Again is harmless: a token always means the same link."""
    return blob_of(link_key(token), link)


async def find_link(
    token: str, *, keys: Sequence[str], blobs: Blobs, records: LeadRecords, now: float
) -> MessageLink | NoLink:
    if not _TOKEN.fullmatch(token):
        return NoLink.INVALID
    link = await find_struct(blobs, link_key(token), MessageLink)
    if link is None or not _is_ours(token, link, keys):
        return NoLink.NOT_FOUND
    record = await records.read(LeadKey(link.shop, link.thread_id))
    if record is None or not _may_have_left(record, link.snapshot):
        return NoLink.NOT_FOUND
    return link if now < record.armed_at + LIFE_SECONDS else NoLink.EXPIRED


def _is_ours(token: str, link: MessageLink, keys: Sequence[str]) -> bool:
    """Under a key that was removed since, it is not any more."""
    ours = (link_token(key, link.shop, link.thread_id, link.snapshot) for key in keys)
    return any(hmac.compare_digest(one, token) for one in ours)


def _may_have_left(record: LeadRecord, snapshot: str) -> bool:
    """A refused mail never left, unless the fate of an earlier attempt is unknown."""
    return record.snapshot == snapshot and (
        record.state in _LEFT_OR_MAY_HAVE or bool(record.ambiguous)
    )
