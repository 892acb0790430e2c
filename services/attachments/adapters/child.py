"""The darkroom as a child process: a hostile file takes down only that."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from services.attachments.ports import Developed, Refused

SECONDS: Final = 30.0
AT_ONCE: Final = 2


@dataclass(frozen=True)
class ChildDarkroom:
    """At most two children at once: decoding is all processor."""

    seconds: float = SECONDS
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
        async with self.places:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.attachments.darkroom", source, folder, mime_type,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )  # fmt: skip
            try:
                said = await asyncio.wait_for(child.communicate(), self.seconds)
            except TimeoutError as error:
                raise Refused("bomb") from error
            finally:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        return _answer(child.returncode, said[0], folder)


def _answer(code: int | None, said: bytes, folder: Path) -> Developed:
    if code == 0:
        return msgspec.json.decode((folder / "developed.json").read_bytes(), type=Developed)
    reason = said.decode("ascii", "replace").strip()
    # Any other end (a signal, the memory limit) is what a bomb looks like from here.
    raise Refused(reason if reason in {"bomb", "unreadable", "frames"} else "bomb")
