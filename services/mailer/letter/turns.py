"""The conversation as the mail prints it: in turns, in the shop's time, cut between two turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

import msgspec

from libs.leads.snapshot import LeadSnapshot, Line
from libs.shops.profile import ShopProfile
from services.mailer.letter.labels import Labels, Notes
from services.mailer.letter.language import labels_for
from services.mailer.letter.links import link_marker, unlinked
from services.mailer.letter.shape import Frame, MailContext, Rung, Transcript, Turn, TurnLine
from services.mailer.letter.wording import (
    clean,
    day_and_time,
    isolated,
    moment,
    one_line,
    some_lines,
)

LONGEST_LINE: Final = 1500
LONGEST_QUOTE: Final = 300
_TURN_LINES: Final = 6
"""Someone who writes forty messages in a row takes several turns, so that some always fit."""
_LINE_BYTES: Final = 60
_LINK_BYTES: Final = 13
_TURN_BYTES: Final = 460
"""About what the markup around a line, a dot of a link and a turn weighs."""
FILE_BYTES: Final = 2_000_000
_RULE: Final = "-" * 72


def transcript(snapshot: LeadSnapshot, context: MailContext, frame: Frame) -> Transcript:
    """The newest turns that fit; what the customer wrote last is what the call is about."""
    room_bytes = context.transcript_bytes
    groups = _groups(snapshot.lines)
    names = {photo.id: photo.name for photo in snapshot.photos}
    kept: list[Turn] = []
    for group in reversed(groups):
        turn = _turn(group, frame, names)
        room_bytes -= _weight(turn)
        if room_bytes < 0:
            break
        kept.insert(0, turn)
    cut = len(kept) < len(groups) or any(_is_long(line) for line in snapshot.lines)
    attached = cut and context.rung is Rung.FULL
    notes = (
        [_cut_note(frame.labels.notes, len(groups), len(kept), attached=attached)] if cut else []
    )
    note = " ".join((*notes, *_gaps(snapshot, frame.labels.notes)))
    return Transcript(turns=_days_once(kept), note=note, attached=attached)


def transcript_file(snapshot: LeadSnapshot, profile: ShopProfile) -> str:
    """Every line, with its moment, as plain text."""
    names = {photo.id: photo.name for photo in snapshot.photos}
    labels = labels_for(profile.languages[0])
    mark = link_marker(profile, labels.external)
    blocks = [f"{labels.notes.file.format(snapshot.thread_id)}\n{_RULE}"]
    room = FILE_BYTES
    for line in snapshot.lines:
        said = [f"> {quoted}" for quoted in clean(line.quoted).splitlines()]
        said += [text for text in (clean(line.text),) if text]
        said += [f"[{one_line(names.get(one, one), 180)}]" for one in line.attachments]
        head = f"{_name(line, labels)} - {moment(line.at, profile.timezone, labels)}"
        block = isolated(unlinked(mark("\n".join((head, *said)))))
        if (room := room - len(block.encode())) < 0:
            blocks.append(labels.notes.too_long)
            break
        blocks.append(block)
    return "\n\n".join(blocks) + "\n"


def file_room(snapshot: LeadSnapshot) -> int:
    """What `transcript.txt` may take in the mail."""
    said = sum(len((line.text + line.quoted).encode()) + 200 for line in snapshot.lines)
    return min(said * 3 // 2, FILE_BYTES * 3 // 2)


def _groups(lines: Iterable[Line]) -> list[list[Line]]:
    groups = []
    for _, run in groupby(lines, key=lambda line: (line.speaker, line.name)):
        said = list(run)
        groups += [said[at : at + _TURN_LINES] for at in range(0, len(said), _TURN_LINES)]
    return groups


def _turn(group: list[Line], frame: Frame, names: dict[str, str]) -> Turn:
    first = group[0]
    day, time = day_and_time(first.at, frame.zone, frame.labels)
    return Turn(
        speaker=first.speaker,
        name=_name(first, frame.labels),
        day=day,
        time=time,
        lines=tuple(_line(line, frame, names) for line in group),
    )


def _name(line: Line, labels: Labels) -> str:
    """The assistant's is its own."""
    return one_line(line.name, 80) if line.speaker == "assistant" else labels.names[line.speaker]


def _is_long(line: Line) -> bool:
    return len(line.text) > LONGEST_LINE or len(line.quoted) > LONGEST_QUOTE


def _line(line: Line, frame: Frame, names: dict[str, str]) -> TurnLine:
    return TurnLine(
        frame.said(some_lines(line.text, LONGEST_LINE)),
        frame.said(some_lines(line.quoted, LONGEST_QUOTE)),
        tuple(one_line(names.get(one, one), 120) for one in line.attachments),
    )


def _weight(turn: Turn) -> int:
    """About what the turn takes in the HTML."""
    said = "".join(
        escape(line.words.text + line.quoted.text + "".join(line.attachments))
        for line in turn.lines
    )
    markup = _TURN_BYTES + len(turn.lines) * _LINE_BYTES + said.count(".") * _LINK_BYTES
    return len(said.encode()) + markup


def _days_once(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    days = ["", *(turn.day for turn in turns)]
    return tuple(
        msgspec.structs.replace(turn, day="" if turn.day == before else turn.day)
        for turn, before in zip(turns, days, strict=False)
    )


def _cut_note(notes: Notes, turns: int, kept: int, *, attached: bool) -> str:
    if kept < turns:
        said = notes.cut_attached if attached else notes.cut
    else:
        said = notes.short_attached if attached else notes.short
    return said.format(kept=kept, turns=turns, rest=turns - kept)


def _gaps(snapshot: LeadSnapshot, notes: Notes) -> Iterator[str]:
    if snapshot.truncated:
        yield notes.middle
    if snapshot.unknown_items:
        yield notes.unknown.format(snapshot.unknown_items)
