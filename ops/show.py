"""How a command answers: aligned text for a person, JSON for a program."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 1_000_000
"""A table is only as wide as what it says."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a command found: `data` is what `--json` prints, `lines` what a person reads."""

    data: object
    lines: Sequence[object] = ()
    """Strings, or anything rich can draw."""
    code: int = 0
    """0 done, 1 something needs attention, 2 it could not be asked, 3 no such thing."""


def put(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown.data)).decode() + "\n")
        return
    # A pipe has no width: it gets whole lines as they are, to be grepped or read by a program.
    to_person = sys.stdout.isatty()
    console = Console(highlight=False, width=None if to_person else _PIPE_WIDTH)
    for line in shown.lines:
        if isinstance(line, str) and not to_person:
            sys.stdout.write(line + "\n")
        else:
            console.print(Text(line) if isinstance(line, str) else line)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))
    return drawn


def facts(pairs: Mapping[str, object]) -> Table:
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in {None, "", ()}:
            drawn.add_row(name, Text(str(value)))
    return drawn


def moment(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
