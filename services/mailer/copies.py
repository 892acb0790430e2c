"""Step 3: the bytes of an attempt, built once and kept under their hash before anything is armed.

    mail/<shop>/<thread>/<attempt>.<possible copy>.<snapshot>.<rung>.<sha256>.eml

A later delivery sends what an earlier one has built, also after a deploy. A broken photo or a bad
summary never costs the lead: a build that fails goes one rung down at once, one that takes its
process with it leaves a note, by which the next delivery starts lower, and so does the next attempt
when a provider refuses what the mail says or carries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import msgspec

from libs.blobs.port import Blob, BlobMissingError, Blobs
from libs.errors import HandoffError, Unavailable
from libs.leads.snapshot import LeadSnapshot, decode_snapshot
from libs.ledger.events import HeldFor
from libs.ledger.record import LeadRecord
from libs.runtime.log import Log
from services.mailer.letter.shape import Rung
from services.mailer.ports import Compose, Composed, Variant

EML: Final = "message/rfc822"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which mail: of which snapshot, for which attempt."""

    shop: str
    thread_id: str
    snapshot: str
    """Its blob key."""
    attempt: int
    possible_copy: bool
    rung: Rung = Rung.FULL
    """The fullest that it may be: whatever was above it, a provider has refused."""

    @property
    def stem(self) -> str:
        snapshot = hashlib.sha256(self.snapshot.encode()).hexdigest()[:16]
        folder = mail_folder(self.shop, self.thread_id)
        return f"{folder}{self.attempt}.{int(self.possible_copy)}.{snapshot}"


class Copy(msgspec.Struct, frozen=True):
    """What will be sent, byte for byte."""

    key: str
    body: bytes
    content_hash: str
    unkept: tuple[Blob, ...] = ()
    """Itself, last; empty where an earlier delivery kept it."""


class NoMail(Exception):  # noqa: N818 - it names what there is, not that it is an error
    """No rung of the ladder gave a mail."""

    def __init__(self, why: HeldFor) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Copies:
    blobs: Blobs
    compose: Compose
    log: Log

    async def make(
        self, wanted: Wanted, delivery: int, snapshot: Awaitable[LeadSnapshot] | None
    ) -> Copy:
        """Still to be kept. `delivery` counts from 1; the snapshot may be on its way already.

        Raises NoMail, Unavailable.
        """
        if delivery == 1:
            return await self._best(wanted, wanted.rung, snapshot)
        if stored := await self._stored(wanted):
            return stored
        begun = await self._begun(wanted)
        await self._note(wanted, begun + 1)
        lowest = max(wanted.rung, Rung(min(begun, Rung.PLAIN)))
        copy = await self._best(wanted, lowest, snapshot)
        try:
            await self._note(wanted, begun)
        except Unavailable as error:
            self.log.warning("build_still_noted", part=error.part)
        return copy

    async def keep(self, copy: Copy) -> None:
        """Before anything is armed."""
        await self.blobs.put_all(*copy.unkept)

    async def drop(self, copy: Copy) -> None:
        """Of an attempt that was refused: it has not left, and the next has bytes of its own."""
        try:
            await self.blobs.delete(copy.key)
        except Unavailable as error:
            self.log.warning("copy_not_dropped", part=error.part)

    async def snapshot(self, key: str) -> LeadSnapshot:
        """Raises NoMail, Unavailable."""
        try:
            return decode_snapshot(await self.blobs.get(key))
        except BlobMissingError as error:
            raise NoMail("snapshot_missing") from error
        except msgspec.DecodeError as error:
            raise NoMail("snapshot_unreadable") from error

    async def has_snapshot(self, wanted: Wanted) -> bool:
        return await self.blobs.info(wanted.snapshot) is not None

    async def find(self, record: LeadRecord) -> bytes | None:
        """The bytes of the attempt that was armed."""
        async for blob in self.blobs.list(mail_folder(record.key.shop, record.key.thread_id)):
            if blob.key.endswith(f".{record.content_hash}.eml"):
                return await self.blobs.get(blob.key)
        return None

    async def _stored(self, wanted: Wanted) -> Copy | None:
        """The best one of an earlier delivery, if its bytes are still what their name says."""
        found = [blob.key async for blob in self.blobs.list(f"{wanted.stem}.")]
        for key in sorted(key for key in found if key.endswith(".eml")):
            _, rung, content_hash, _ = key.rsplit(".", 3)
            if int(rung) < wanted.rung:
                continue
            body = await self.blobs.get(key)
            if _sha256(body) == content_hash:
                return Copy(key, body, content_hash)
        return None

    async def _begun(self, wanted: Wanted) -> int:
        """Builds that never ended, not deliveries: an outage must not cost the photos."""
        try:
            return len(await self.blobs.get(f"{wanted.stem}.begun"))
        except BlobMissingError:
            return 0

    async def _note(self, wanted: Wanted, begun: int) -> None:
        await self.blobs.put(f"{wanted.stem}.begun", b"." * begun, content_type="text/plain")

    async def _best(
        self, wanted: Wanted, lowest: Rung, snapshot: Awaitable[LeadSnapshot] | None
    ) -> Copy:
        said = await (snapshot or self.snapshot(wanted.snapshot))
        for rung in Rung:
            if rung >= lowest and (composed := await self._built(said, wanted, rung)):
                return _copy(composed, f"{wanted.stem}.{int(rung)}")
        raise NoMail("no_mail_could_be_built")

    async def _built(self, snapshot: LeadSnapshot, wanted: Wanted, rung: Rung) -> Composed | None:
        try:
            variant = Variant(wanted.attempt, wanted.possible_copy, rung, wanted.snapshot)
            return await self.compose(snapshot, variant)
        except HandoffError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever breaks a build, the lead goes out plainer
            self.log.error(
                "lead_mail_build_failed",
                thread_id=wanted.thread_id,
                kind=rung.name.lower(),
                exception_type=type(error).__name__,
            )
            return None


def _copy(composed: Composed, stem: str) -> Copy:
    content_hash = _sha256(composed.body)
    mail = Blob(f"{stem}.{content_hash}.eml", composed.body, EML)
    return Copy(mail.key, composed.body, content_hash, (*composed.links, mail))


def mail_folder(shop: str, thread_id: str) -> str:
    """Everything kept of a thread's mails begins with this."""
    return f"mail/{shop}/{thread_id}/"


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
