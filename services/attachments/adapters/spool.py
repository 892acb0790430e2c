"""Where raw bytes wait: a folder of this process's own, locked for as long as it lives.

A process that is killed leaves pictures with the place they were taken at. Its lock is free from
then on, which is how the next one that starts knows what to remove, and what is another's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def own_spool(root: Path) -> Iterator[Path]:
    """Raises OSError when nothing can be kept there."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as held:
        with _locked(root):  # who starts beside us must not sweep what has no lock yet
            _sweep(root)
            own = held.enter_context(TemporaryDirectory(dir=root, prefix="of-"))
            held.enter_context(_locked(Path(own)))
        yield Path(own)


@contextmanager
def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _sweep(root: Path) -> None:
    for left in filter(Path.is_dir, root.iterdir()):
        # Blocking: its process lives.
        with suppress(BlockingIOError), _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(left)
