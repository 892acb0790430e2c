"""Receipts in a folder: one small fsynced file each, so any number of processes share it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from libs.errors import Unavailable
from libs.ledger.record import LeadKey
from services.mailer.ports import Receipt

T = TypeVar("T")


@dataclass(frozen=True)
class FolderJournal:
    """Journal."""

    folder: Path

    async def write(self, receipt: Receipt) -> None:
        await _off_loop(self._write, receipt)

    async def find(self, key: LeadKey) -> Receipt | None:
        return await _off_loop(_read, self._path(key))

    async def receipts(self) -> list[Receipt]:
        return await _off_loop(self._read_all)

    async def drop(self, receipt: Receipt) -> None:
        await _off_loop(self._path(receipt.key).unlink, True)

    def _write(self, receipt: Receipt) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(receipt.key)
        draft = path.with_suffix(f".{os.getpid()}.draft")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(receipt))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _read_all(self) -> list[Receipt]:
        found = [_read(path) for path in sorted(self.folder.glob("*.json"))]
        return [receipt for receipt in found if receipt is not None]

    def _path(self, key: LeadKey) -> Path:
        return self.folder / f"{hashlib.sha256(str(key).encode()).hexdigest()}.json"


def _read(path: Path) -> Receipt | None:
    """None: not there, dropped meanwhile, or not ours; a torn file cannot be (it was renamed)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


async def _off_loop(work: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise Unavailable("journal", f"errno {error.errno}") from error
