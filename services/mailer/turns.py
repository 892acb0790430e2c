"""The conversation as the mail prints it: in turns, in the shop's time, cut between two turns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Final

import msgspec

from libs.snapshot import LeadSnapshot, Line
from services.mailer.language import words
from services.mailer.letter import Transcript, Turn, TurnLine
from services.mailer.wording import (
    clean,
    clip,
    day_and_time,
    mark_links,
    moment,
    one_line,
    unlinked,
)

LONGEST_LINE: Final = 3000
_LINE_BYTES: Final = 60
_TURN_BYTES: Final = 460
"""About what the markup around a line and a turn weighs."""
_RULE: Final = "-" * 72


def transcript(
    snapshot: LeadSnapshot, zone: str, lang: str, own_hosts: frozenset[str], room_bytes: int
) -> Transcript:
    """The newest turns that fit; what the customer wrote last is what the call is about."""
    turns = _turns(snapshot, zone, lang, own_hosts)
    kept = _newest(turns, room_bytes)
    cut = len(kept) < len(turns) or any(len(line.text) > LONGEST_LINE for line in snapshot.lines)
    return Transcript(turns=_days_once(kept), note=_note(turns, kept, snapshot, cut=cut), cut=cut)


def transcript_file(snapshot: LeadSnapshot, zone: str, own_hosts: frozenset[str]) -> str:
    """Every line, with its moment, as plain text."""
    names = {photo.id: photo.name for photo in snapshot.photos}
    blocks = [f"Conversation {snapshot.thread_id}\n{_RULE}"]
    for line in snapshot.lines:
        said = [f"> {quoted}" for quoted in clean(line.quoted).splitlines()]
        said += [text for text in (clean(line.text),) if text]
        said += [f"[{one_line(names.get(one, one), 180)}]" for one in line.attachments]
        head = f"{one_line(line.name, 80)} - {moment(line.at, zone)}"
        blocks.append(unlinked(mark_links("\n".join((head, *said)), own_hosts)))
    return "\n\n".join(blocks) + "\n"


def _turns(
    snapshot: LeadSnapshot, zone: str, lang: str, own_hosts: frozenset[str]
) -> tuple[Turn, ...]:
    names = {photo.id: photo.name for photo in snapshot.photos}
    turns = []
    for (speaker, name), group in groupby(
        snapshot.lines, key=lambda line: (line.speaker, line.name)
    ):
        lines = list(group)
        day, time = day_and_time(lines[0].at, zone)
        shown = tuple(_line(line, lang, own_hosts, names) for line in lines)
        turns.append(
            Turn(speaker=speaker, name=one_line(name, 80), day=day, time=time, lines=shown)
        )
    return tuple(turns)


def _line(line: Line, lang: str, own_hosts: frozenset[str], names: dict[str, str]) -> TurnLine:
    return TurnLine(
        words(mark_links(clip(clean(line.text), LONGEST_LINE), own_hosts), lang),
        words(mark_links(clip(clean(line.quoted), 300), own_hosts), lang),
        tuple(one_line(names.get(one, one), 120) for one in line.attachments),
    )


def _newest(turns: Sequence[Turn], room_bytes: int) -> tuple[Turn, ...]:
    first = len(turns)
    while first and (room_bytes := room_bytes - _weight(turns[first - 1])) >= 0:
        first -= 1
    return tuple(turns[first:])


def _weight(turn: Turn) -> int:
    said = "".join(
        escape(line.words.text + line.quoted.text + "".join(line.attachments))
        for line in turn.lines
    )
    return len(said.encode()) + said.count(".") * 2 + len(turn.lines) * _LINE_BYTES + _TURN_BYTES


def _days_once(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    days = ["", *(turn.day for turn in turns)]
    return tuple(
        msgspec.structs.replace(turn, day="" if turn.day == before else turn.day)
        for turn, before in zip(turns, days, strict=False)
    )


def _note(turns: Sequence[Turn], kept: Sequence[Turn], snapshot: LeadSnapshot, *, cut: bool) -> str:
    notes = []
    if gone := len(turns) - len(kept):
        notes.append(f"The last {len(kept)} of {len(turns)} turns; the first {gone} are in")
    elif cut:
        notes.append("Long messages are shortened here; in full they are in")
    if notes:
        notes.append("transcript.txt.")
    if snapshot.truncated:
        notes.append("The middle of this very long conversation could not be read.")
    if snapshot.unknown_items:
        notes.append(f"{snapshot.unknown_items} items of a kind that we do not know are not shown.")
    return " ".join(notes)
