"""A process to fork others from, that has imported just what it is told to."""

from __future__ import annotations

from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext


def fork_server(*preload: str) -> ForkServerContext:
    """Python keeps one for all of a process: the last test's has imported what another edits."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context
