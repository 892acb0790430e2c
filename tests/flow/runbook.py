"""`docs/operations.md` as a program: its sections, and their commands run as a person would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.product import Product

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 60


@dataclass(frozen=True)
class Ran:
    command: str
    code: int
    said: str

    def __contains__(self, words: str) -> bool:
        """Whether it said this, however the table broke its lines."""
        return " ".join(words.split()) in " ".join(self.said.split())


@cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """Every heading with the commands under it; the text before the first is under ''."""
    text = (ROOT / "docs" / "operations.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    named = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return {name: _commands(body) for name, body in named.items()}


def _commands(body: str) -> tuple[str, ...]:
    blocks = re.findall(r"```sh\n(.*?)```", body, flags=re.DOTALL)
    return tuple(line for block in blocks for line in block.splitlines() if line)


def follow(section: str, running: Product, *, thread: str = "", dead: str = "") -> list[Ran]:
    """Runs each command of the section against the product, from the root of the repository."""
    return [_run(line, running, thread, dead) for line in sections()[section]]


def _run(command: str, running: Product, thread: str, dead: str) -> Ran:
    here = command.replace("handoff.log", str(running.log_path)).replace("8080", str(running.port))
    tools = Path(sys.executable).parent  # `handoff` and `python`, as in an activated environment
    environ = {
        **running.settings(),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # this checkout, whichever one is installed
        "THREAD": thread,
        "DEAD": dead,
    }
    done = subprocess.run(
        ["bash", "-c", here],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return Ran(command, done.returncode, done.stdout + done.stderr)
