"""The darkroom as a child process: a hostile file takes down only that."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from libs.errors import Unavailable
from services.attachments.ports import Developed, Refused

SECONDS: Final = 20.0
_REFUSED: Final = 3
"""What `darkroom.py` exits with when it says why on its stdout."""
_FELL_OVER: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}
)
"""How a decoder in C ends over a broken file."""


@dataclass(frozen=True)
class ChildDarkroom:
    seconds: float = SECONDS

    async def develop(self, source: Path, folder: Path, mime_type: str) -> Developed:
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
        return answered(await child.wait(), said[0].decode("ascii", "replace").strip(), folder)


def answered(code: int, said: str, folder: Path) -> Developed:
    """Raises Refused when it is the picture's fault, Unavailable when it is ours."""
    if code == 0:
        return msgspec.json.decode((folder / "developed.json").read_bytes(), type=Developed)
    if code == _REFUSED:
        raise Refused(said)
    if code == -signal.SIGXCPU:
        raise Refused("bomb")
    if -code in _FELL_OVER:
        raise Refused("unreadable")
    raise Unavailable("darkroom", said or f"exit code {code}")
