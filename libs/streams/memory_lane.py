"""What a lane in memory holds, and what of it goes or waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.streams.broker import SILENT_SECONDS, DeadLetter, LaneStats


@dataclass
class Pending:
    reader: str
    since: float
    deliveries: int = 1


@dataclass
class Lane:
    grouped: bool = False
    paused: bool = False
    entries: dict[str, bytes] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    later: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    timers: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    dead: dict[str, DeadLetter] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    """When each reader last showed that it lives."""

    def remove(self, entry_id: str) -> bool:
        """True when it was pending: only then may it move elsewhere."""
        self.entries.pop(entry_id, None)
        self.unread.pop(entry_id, None)  # after a lost tail it is unread again
        return self.pending.pop(entry_id, None) is not None

    def erase(self, words: Sequence[bytes]) -> int:
        def named(body: bytes) -> bool:
            return any(word in body for word in words)

        entries = [id_ for id_, body in self.entries.items() if named(body)]
        for id_ in entries:
            self.remove(id_)
        letters = [id_ for id_, letter in self.dead.items() if named(letter.body)]
        for id_ in letters:
            del self.dead[id_]
        gone = len(entries) + len(letters)
        for waiting in (self.later, self.timers):
            keys = [key for key, (_, body) in waiting.items() if named(body)]
            for key in keys:
                del waiting[key]
            gone += len(keys)
        return gone

    def stats(self, now: float) -> LaneStats:
        worked_on = {i for i, one in self.pending.items() if one.since > now - SILENT_SECONDS}
        return LaneStats(
            unread=len(self.unread), pending=len(self.pending), later=len(self.later),
            timers=len(self.timers), dead=len(self.dead), paused=self.paused,
            oldest_id=next((id_ for id_ in self.entries if id_ not in worked_on), ""),
        )  # fmt: skip
