"""The conversation as the mail prints it: in turns, in the shop's time, cut between two turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Final

import msgspec

from libs.leads.snapshot import LeadSnapshot, Line
from libs.shops.profile import ShopProfile
from services.mailer.letter.links import mark_links, own_hosts, unlinked
from services.mailer.letter.shape import Frame, MailContext, Rung, Transcript, Turn, TurnLine
from services.mailer.letter.wording import clean, day_and_time, moment, one_line, some_lines

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
    note = _note(len(groups), len(kept), snapshot, cut=cut, attached=attached)
    return Transcript(turns=_days_once(kept), note=note, attached=attached)


def transcript_file(snapshot: LeadSnapshot, profile: ShopProfile) -> str:
    """Every line, with its moment, as plain text."""
    names = {photo.id: photo.name for photo in snapshot.photos}
    blocks = [f"Conversation {snapshot.thread_id}\n{_RULE}"]
    room = FILE_BYTES
    for line in snapshot.lines:
        said = [f"> {quoted}" for quoted in clean(line.quoted).splitlines()]
        said += [text for text in (clean(line.text),) if text]
        said += [f"[{one_line(names.get(one, one), 180)}]" for one in line.attachments]
        head = f"{one_line(line.name, 80)} - {moment(line.at, profile.timezone)}"
        block = unlinked(mark_links("\n".join((head, *said)), own_hosts(profile)))
        if (room := room - len(block.encode())) < 0:
            blocks.append("The rest is too long for a mail.")
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
    day, time = day_and_time(first.at, frame.zone)
    return Turn(
        speaker=first.speaker,
        name=one_line(first.name, 80),
        day=day,
        time=time,
        lines=tuple(_line(line, frame, names) for line in group),
    )


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


def _note(turns: int, kept: int, snapshot: LeadSnapshot, *, cut: bool, attached: bool) -> str:
    notes = []
    if kept < turns:
        rest = (
            "are in transcript.txt"
            if attached
            else "did not fit in this mail: `handoff lead --json` has them"
        )
        notes.append(f"The last {kept} of {turns} turns; the first {turns - kept} {rest}.")
    elif cut:
        whole = "; in full they are in transcript.txt" if attached else ""
        notes.append(f"Long messages are shortened here{whole}.")
    if snapshot.truncated:
        notes.append("The middle of this very long conversation could not be read.")
    if snapshot.unknown_items:
        notes.append(f"{snapshot.unknown_items} items of a kind that we do not know are not shown.")
    return " ".join(notes)
