"""`docs/operations.md` as a program: its sections, and their commands run as a person would.

A command is every line of a block, and in the prose whatever stands in backticks and has a space:
it is run as it stands. What has none is a name. The table of the introduction only says where.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

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


RAN: Final[list[Ran]] = []
"""All that this process ran, for whoever asks whether it was everything."""


@cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """Every heading with the commands under it; the text before the first is under ''."""
    return {name: _commands(body) for name, body in bodies().items()}


def to_run(section: str) -> set[str]:
    """All of its commands, those in the prose too."""
    return {*sections()[section], *_in_the_prose(section)}


def bodies() -> Mapping[str, str]:
    parts = re.split(r"^## (.+)$", _text(), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def _commands(body: str) -> tuple[str, ...]:
    blocks = re.findall(r"```sh\n(.*?)```", body, flags=re.DOTALL)
    return tuple(line for block in blocks for line in block.splitlines() if line)


def _in_the_prose(section: str) -> set[str]:
    prose = re.sub(
        r"```sh\n.*?```|^\|[^\n]*", "", bodies()[section], flags=re.DOTALL | re.MULTILINE
    )
    spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))
    return {span for span in spans if " " in span}


def follow(section: str, running: Product, *, only: Sequence[int] = (), **given: str) -> list[Ran]:
    """Runs the section's commands against the product, from the root of the repository.

    `given` is what a person would fill in ($THREAD, $DEAD), or an environment that is wrong;
    `only` picks the commands that tell something new when a section is followed again.
    """
    lines = sections()[section]
    return [_run(lines[at], running, given) for at in only or range(len(lines))]


def mend(section: str, fix: str, running: Product, **given: str) -> Ran:
    """Runs a command of the section's prose, and fails when that names it no longer."""
    assert fix in _in_the_prose(section), f"{section!r} does not say {fix}"
    return _run(fix, running, given)


@cache
def _text() -> str:
    return (ROOT / "docs" / "operations.md").read_text()


def _prepared(running: Product, given: Mapping[str, str]) -> str:
    """What the text says to do first on one machine, with the files of this one."""
    [line] = re.findall(r"^\| one machine \| in the checkout: `([^`]+)`", _text(), re.MULTILINE)
    filled_in = running.data.parent / "small.env"
    settings = {**running.settings(), **given}
    kept = {name: value for name, value in settings.items() if name != "PATH"}
    filled_in.write_text("".join(f"{n}={shlex.quote(v)}\n" for n, v in kept.items()))
    tools = str(Path(sys.executable).parent)
    return line.replace("./small.env", str(filled_in)).replace("$PWD/.venv/bin", tools)


def _run(command: str, running: Product, given: Mapping[str, str]) -> Ran:
    here = command.replace("handoff.log", str(running.log_path)).replace("8080", str(running.port))
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),  # this checkout, whichever one is installed
    }
    done = subprocess.run(
        ["bash", "-c", f"{_prepared(running, given)}\n{here}"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    RAN.append(Ran(command, done.returncode, done.stdout + done.stderr))
    return RAN[-1]
