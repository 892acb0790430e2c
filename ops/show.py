"""How a command answers: aligned text for a person, JSON for a program."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 1_000_000
"""A table is only as wide as what it says."""
_STEERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, fills its clipboard or turns a line around."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a command found: `data` is what `--json` prints, `lines` what a person reads."""

    data: object
    lines: Sequence[object] = ()
    """Strings, or anything rich can draw."""
    code: int = 0
    """0 done, 1 something needs attention, 2 it could not be asked, 3 no such thing."""
    warnings: Sequence[str] = ()
    """Beside the answer: what is piped into a file holds none."""


def put(shown: Shown, *, as_json: bool) -> None:
    for warning in shown.warnings:
        print(f"handoff: {plain(warning)}", file=sys.stderr)
    if as_json:
        sys.stdout.write(json_text(shown.data) + "\n")
        return
    # A pipe has no width: it gets whole lines as they are, to be grepped or read by a program.
    to_person = sys.stdout.isatty()
    console = Console(highlight=False, width=None if to_person else _PIPE_WIDTH)
    for line in shown.lines:
        if isinstance(line, str) and not to_person:
            sys.stdout.write(plain(line) + "\n")
        else:
            console.print(Text(plain(line)) if isinstance(line, str) else line)


def plain(text: str) -> str:
    """Without what steers a terminal; a sign in its place says that there was something."""
    return _STEERS.sub("\ufffd", text)


def json_text(data: object) -> str:
    """Says the same escaped: a JSON text has such characters nowhere but in its strings."""
    text = msgspec.json.format(msgspec.json.encode(data)).decode()
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _cell(value: object) -> Text:
    """On one line: a row that breaks cannot be grepped."""
    return Text(plain(" ".join(str(value).splitlines())))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*map(_cell, row))
    return drawn


def facts(pairs: Mapping[str, object]) -> Table:
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="bold")
    drawn.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in {None, "", ()}:
            drawn.add_row(name, _cell(value))
    return drawn


def moment(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
