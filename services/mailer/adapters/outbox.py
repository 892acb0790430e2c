"""A folder as the provider: exactly once by name, even against a sender that was paused."""

from __future__ import annotations

import asyncio
import errno
import os
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from libs.runtime.clock import Clock
from services.mailer.ports import Accepted, Mail, NotPrepared, Outcome, Refused, Unknown, Windows

WINDOWS: Final = Windows(fence_seconds=30, evidence_seconds=0)
"""`fate` fences by itself: it takes the written draft away."""

DRAFT_SECONDS: Final = 3600.0
"""None that old can still be sent."""
MAIL_SECONDS: Final = 90 * 86_400.0
"""Retention of mail copies."""

MEANINGS: Final = {
    errno.ENOENT: Refused("voided"),
    errno.ENOSPC: Refused("disk_full", provider_wide=True, tell=True),
    errno.EDQUOT: Refused("disk_full", provider_wide=True, tell=True),
    errno.EROFS: Refused("read_only", provider_wide=True, tell=True),
    errno.EACCES: Refused("no_permission", provider_wide=True, tell=True),
    errno.EPERM: Refused("no_permission", provider_wide=True, tell=True),
    errno.ENAMETOOLONG: Refused("name_too_long"),
}
"""What an error of the file system says; the rename either happened or it did not."""

_OTHER: Final = Refused("disk_error", provider_wide=True, tell=True)


@dataclass(frozen=True)
class OutboxTransport:
    """MailTransport: `<shop>.<thread>.<attempt>.eml`, alerts apart in `alerts/`.

    prepare   write `.<name>.<nonce>.draft`, fsync
    send      rename it to its name
    fate      remove the draft: either the rename was first, or it can never happen
    """

    folder: Path
    clock: Clock
    name: str = "outbox"

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[_Draft]:
        mail = await making
        draft = _Draft(self._draft(mail), self._final(mail), self.clock.boot())
        try:
            await asyncio.to_thread(_write, draft.path, mail.body)
        except OSError as error:
            raise NotPrepared(MEANINGS.get(error.errno or 0, _OTHER)) from error
        try:
            yield draft
        finally:
            with suppress(OSError):
                draft.path.unlink(missing_ok=True)

    async def fate(self, mail: Mail) -> Outcome:
        try:
            arrived = await asyncio.to_thread(_fence, self._draft(mail), self._final(mail))
        except OSError:
            return Unknown("disk_error")
        return Accepted(mail.name) if arrived else Refused("never_left", provider_wide=True)

    async def tidy(self) -> int:
        """How many mails, alerts and drafts of crashes were past their time, and are gone."""
        now = self.clock.now()
        kept = (("*.eml", MAIL_SECONDS), (".*.draft", DRAFT_SECONDS))
        ended = [(pattern, now - seconds) for pattern, seconds in kept]
        return sum([await asyncio.to_thread(_remove, self.folder, *each) for each in ended])

    def _final(self, mail: Mail) -> Path:
        folder = self.folder / "alerts" if mail.kind == "alert" else self.folder
        return folder / f"{mail.name}.eml"

    def _draft(self, mail: Mail) -> Path:
        return self._final(mail).with_name(f".{mail.name}.{mail.lid}.draft")


@dataclass(frozen=True)
class _Draft:
    path: Path
    final: Path
    prepared_at: float
    transport: str = "outbox"
    windows: Windows = WINDOWS
    passed_over: str = ""

    async def send(self) -> Outcome:
        try:
            await asyncio.to_thread(_rename, self.path, self.final)
        except OSError as error:
            # An error of the folder's fsync comes after the rename: look instead of guessing.
            if self.final.exists():
                return Accepted(self.final.stem)
            return MEANINGS.get(error.errno or 0, _OTHER)
        return Accepted(self.final.stem)


def _remove(folder: Path, pattern: str, before: float) -> int:
    removed = 0
    for file in folder.rglob(pattern):
        with suppress(OSError):  # another process was first, or it goes next time
            if file.stat().st_mtime < before:
                file.unlink()
                removed += 1
    return removed


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _rename(draft: Path, final: Path) -> None:
    draft.rename(final)
    _sync(final.parent)


def _fence(draft: Path, final: Path) -> bool:
    draft.unlink(missing_ok=True)
    return final.exists()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
