"""Commands about the streams: `dead list|show|retry|drop`, `pause`, `resume`, `streams`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from libs.errors import SettingsError
from libs.messages.streams import LEAD_CONSIDER, MAIL_SEND, STREAMS, Stream
from libs.streams.broker import DeadLetter
from libs.streams.envelope import UNREADABLE
from libs.streams.oversight import Oversight
from ops.show import Shown, table

OLDEST_SECONDS: Final = 60.0
"""What waits longer is worth an alarm (`docs/operations.md`)."""
SILENT_SECONDS: Final = 30.0
"""A reader shows every five that it lives."""
_COLUMNS: Final = (
    "stream", "reader", "unread", "pending", "retries", "timers", "dead", "oldest", "heard",
    "paused",
)  # fmt: skip
_NOT_FOUND: Final = 3


def stream_named(name: str) -> Stream:
    for stream in STREAMS:
        if stream.name == name:
            return stream
    names = ", ".join(stream.name for stream in STREAMS)
    raise SettingsError(f"There is no stream {name!r}; there are {names}.")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A stream, the sum of its lanes."""

    stream: str
    reader: str
    unread: int
    pending: int
    retries: int
    timers: int
    dead: int
    oldest_seconds: float | None
    """Since the oldest entry that nobody works on was added; None: none waits."""
    silent_seconds: float | None
    """Since its reader was last heard of; None: there is none."""
    paused: bool


async def rows(oversight: Oversight, now: float) -> list[Row]:
    return [await _row(oversight, stream, now) for stream in STREAMS]


async def _row(oversight: Oversight, stream: Stream, now: float) -> Row:
    lanes = await oversight.stats(stream)
    ages = [now - lane.oldest_at for lane in lanes if lane.oldest_at is not None]
    return Row(
        stream=stream.name,
        reader=stream.reader,
        unread=sum(lane.unread for lane in lanes),
        pending=sum(lane.pending for lane in lanes),
        retries=sum(lane.later for lane in lanes),
        timers=sum(lane.timers for lane in lanes),
        dead=sum(lane.dead for lane in lanes),
        oldest_seconds=max(0.0, *ages) if ages else None,
        silent_seconds=await oversight.silence(stream),
        paused=any(lane.paused for lane in lanes),
    )


def troubles(found: Sequence[Row]) -> list[str]:
    """What keeps streams from moving, and the way out. Empty: all move."""
    return [said for row in found if (said := _trouble(row))]


def _trouble(row: Row) -> str:
    if row.paused:
        return f"{row.stream} is paused: `handoff resume {row.stream}`."
    if row.silent_seconds is None or row.silent_seconds > SILENT_SECONDS:
        return f"Nobody reads {row.stream}: is {row.reader} up?"
    if row.oldest_seconds is not None and row.oldest_seconds > OLDEST_SECONDS:
        waits = f"{row.oldest_seconds:.0f} s"
        return f"The oldest entry of {row.stream} waits {waits}: what does {row.reader} log?"
    return ""


async def paused_before_a_mail(oversight: Oversight) -> tuple[str, ...]:
    """The streams on a lead's way that somebody paused."""
    way = (LEAD_CONSIDER, MAIL_SEND)
    return tuple([s.name for s in way if any(x.paused for x in await oversight.stats(s))])


async def overview(oversight: Oversight, now: float) -> Shown:
    found = await rows(oversight, now)
    wrong = troubles(found)
    if any(row.dead for row in found):
        wrong.append("Dead letters: `handoff dead list` says why.")
    cells = [
        (
            row.stream, row.reader, row.unread, row.pending, row.retries, row.timers, row.dead,
            _seconds(row.oldest_seconds), _seconds(row.silent_seconds), "yes" if row.paused else "",
        )
        for row in found
    ]  # fmt: skip
    return Shown(data=found, lines=[table(_COLUMNS, cells), *wrong], code=1 if wrong else 0)


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"


async def dead_list(oversight: Oversight, name: str = "") -> Shown:
    chosen = [stream_named(name)] if name else list(STREAMS)
    letters = [(s, letter) for s in chosen async for letter in oversight.every_dead(s)]
    data = [_shown(stream, letter) for stream, letter in letters]
    if not letters:
        return Shown(data=data, lines=["No dead letters."])
    rows = [(dead_name(s, letter.id), letter.attempts, letter.reason) for s, letter in letters]
    return Shown(data=data, lines=[table(("id", "attempts", "reason"), rows)], code=1)


async def dead_show(oversight: Oversight, dead_id: str) -> Shown:
    stream, id_ = _place(dead_id)
    letter = await oversight.find_dead(stream, id_)
    if letter is None:
        return _none(dead_id)
    data = _shown(stream, letter)
    return Shown(data=data, lines=[f"{name:<10}{value}" for name, value in data.items()])


async def dead_retry(oversight: Oversight, dead_id: str) -> Shown:
    stream, id_ = _place(dead_id)
    if await oversight.retry_dead(stream, id_):
        return Shown(
            data={"id": dead_id, "retried": True},
            lines=[f"Back in {stream.name}, as if it were new."],
        )
    if await oversight.find_dead(stream, id_) is None:
        return _none(dead_id)
    said = f"It cannot be read, so it cannot be tried again: `handoff dead drop {dead_id}`."
    return Shown(data={"id": dead_id, "error": said}, lines=[said], code=1)


async def dead_drop(oversight: Oversight, dead_id: str) -> Shown:
    stream, id_ = _place(dead_id)
    if not await oversight.drop_dead(stream, id_):
        return _none(dead_id)
    said = "Dropped. If it was about a lead, the sweeper still looks after that."
    return Shown(data={"id": dead_id, "dropped": True}, lines=[said])


def dead_name(stream: Stream, id_: str) -> str:
    """Ids are moments: two streams that park at the same one would share it."""
    return f"{stream.name}/{id_}"


def _place(dead_id: str) -> tuple[Stream, str]:
    name, slash, id_ = dead_id.partition("/")
    if not slash:
        raise SettingsError(f"{dead_id!r} is no dead letter; `handoff dead list` names them.")
    return stream_named(name), id_


async def pause(oversight: Oversight, name: str) -> Shown:
    await oversight.pause(stream_named(name))
    said = f"{name} is paused: nothing new is started, what arrives waits. `handoff resume {name}`"
    return Shown(data={"stream": name, "paused": True}, lines=[said])


async def resume(oversight: Oversight, name: str) -> Shown:
    await oversight.resume(stream_named(name))
    return Shown(data={"stream": name, "paused": False}, lines=[f"{name} goes on."])


def _shown(stream: Stream, letter: DeadLetter) -> dict[str, object]:
    return {
        "id": dead_name(stream, letter.id),
        "stream": stream.name,
        "entry_id": letter.entry_id,
        "attempts": letter.attempts,
        "reason": letter.reason,
        "message": _readable(letter.body),
    }


def _readable(body: bytes) -> object:
    """The message as JSON where it is; an undecodable entry as its bytes' repr."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return repr(body)


def _none(dead_id: str) -> Shown:
    said = f"There is no dead letter {dead_id} (any more)."
    return Shown(data={"id": dead_id, "error": said}, lines=[said], code=_NOT_FOUND)
