"""Broker on Redis 6.2 or later: one server, Sentinel, Cluster or a fakeredis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from libs.redis.client import Redis
from libs.redis.link import Reply, Word
from libs.streams import scripts
from libs.streams.broker import SILENT_SECONDS, DeadLetter, Entry, LaneStats, Later, Turn

ANSWER_SECONDS: Final = 600
"""How long an answer can be read after its last piece."""

WAIT_SECONDS: Final = 2.0
"""The longest a read may wait on the server; a connection that says nothing longer is dead."""


FORGET_READER_SECONDS: Final = 3600
"""A process that left without a word is taken off the list after so long, if it holds nothing."""


class RedisBroker:
    def __init__(self, redis: Redis) -> None:
        if redis.reply_seconds <= WAIT_SECONDS:
            raise ValueError(
                f"a read waits {WAIT_SECONDS} s on the server, but a reply is given up after"
                f" {redis.reply_seconds} s"
            )
        self._redis = redis

    async def prepare(self, lane: str) -> None:
        await self._redis.script(scripts.PREPARE, [stream_key(lane)], FORGET_READER_SECONDS * 1000)

    async def add(self, lane: str, body: bytes) -> None:
        await self._redis.execute("XADD", stream_key(lane), "*", "e", body)

    async def schedule(self, lane: str, key: str, at: float, body: bytes) -> None:
        keys = [lane_key(lane, "timers"), lane_key(lane, "timers.bodies")]
        await self._redis.script(scripts.SCHEDULE, keys, key, at, body)

    async def turn(self, lane: str, now: float) -> Turn:
        paused, next_at = await self._redis.script(scripts.TURN, _all_keys(lane), now)
        return Turn(paused=bool(paused), next_at=float(next_at) if next_at else None)

    async def read(self, lane: str, reader: str, *, count: int, wait_seconds: float) -> list[Entry]:
        reply = await self._redis.block(
            "XREADGROUP", "GROUP", scripts.GROUP, reader, "COUNT", count,
            "BLOCK", _block(wait_seconds), "STREAMS", stream_key(lane), ">",
        )  # fmt: skip
        return [
            Entry(id_.decode(), fields[1] if fields[0] == b"e" else _foreign(fields))
            for id_, fields in _entries(reply)
        ]

    async def own(self, lane: str, reader: str, *, after: str, count: int) -> list[Entry]:
        keys = [stream_key(lane)]
        return _counted(await self._redis.script(scripts.OWN, keys, reader, after or "0-0", count))

    async def claim(
        self, lane: str, reader: str, *, count: int, idle_seconds: float
    ) -> list[Entry]:
        idle = int(idle_seconds * 1000)
        keys = [stream_key(lane)]
        return _counted(await self._redis.script(scripts.CLAIM, keys, reader, count, idle))

    async def renew(self, lane: str, reader: str, ids: Sequence[str]) -> None:
        await self._redis.script(scripts.RENEW, [stream_key(lane)], reader, *ids)

    async def hand_back(self, lane: str, reader: str) -> None:
        await self._redis.script(scripts.HAND_BACK, [stream_key(lane)], reader)

    async def ack(self, lane: str, ids: Sequence[str]) -> None:
        await self._redis.script(scripts.ACK, [stream_key(lane)], *ids)

    async def put_back(self, lane: str, entries: Sequence[Later]) -> None:
        keys = _all_keys(lane)[:3]
        words = _flat((e.entry_id, e.at, e.body, e.timer or e.entry_id) for e in entries)
        await self._redis.script(scripts.PUT_BACK, keys, *words)

    async def park(self, lane: str, letters: Sequence[DeadLetter]) -> None:
        words = _flat((x.entry_id, x.reason, x.attempts, x.body) for x in letters)
        keys = [stream_key(lane), lane_key(lane, "dead")]
        await self._redis.script(scripts.PARK, keys, *words)

    async def dead(self, lane: str, *, after: str = "", count: int = 100) -> list[DeadLetter]:
        start = f"({after}" if after else "-"
        key = lane_key(lane, "dead")
        reply = await self._redis.execute("XRANGE", key, start, "+", "COUNT", count)
        return [_dead_letter(id_, fields) for id_, fields in reply]

    async def revive(self, lane: str, dead_id: str, body: bytes) -> bool:
        keys = [stream_key(lane), lane_key(lane, "dead")]
        return bool(await self._redis.script(scripts.REVIVE, keys, dead_id, body))

    async def drop(self, lane: str, dead_id: str) -> bool:
        return bool(await self._redis.execute("XDEL", lane_key(lane, "dead"), dead_id))

    async def erase(self, lane: str, words: Sequence[bytes]) -> int:
        return int(await self._redis.script(scripts.ERASE, _all_keys(lane), *words))

    async def erase_answers(self, words: Sequence[bytes]) -> int:
        """Nobody keeps a list of them: every master is searched."""
        source = scripts.ERASE_ANSWERS.source
        return sum(await self._redis.everywhere("EVAL", source, 0, *words))

    async def pause(self, lane: str, *, paused: bool) -> None:
        key = lane_key(lane, "paused")
        await (self._redis.execute("SET", key, 1) if paused else self._redis.execute("DEL", key))

    async def stats(self, lane: str) -> LaneStats:
        reply = await self._redis.script(scripts.STATS, _all_keys(lane), int(SILENT_SECONDS * 1000))
        length, pending, later, timers, dead, oldest, paused = reply
        # 6.2 knows no lag. Settled entries are deleted, so what is not pending is unread.
        return LaneStats(
            unread=max(0, length - pending), pending=pending, later=later, timers=timers,
            dead=dead, oldest_id=oldest.decode(), paused=bool(paused),
        )  # fmt: skip

    async def silence(self, lane: str) -> float | None:
        idle_ms = await self._redis.script(scripts.SILENCE, [stream_key(lane)])
        return None if idle_ms is None else idle_ms / 1000

    async def answer(self, address: str, *bodies: bytes) -> None:
        await self._redis.script(
            scripts.ANSWER, [_answer_key(address)], ANSWER_SECONDS * 1000, *bodies
        )

    async def pieces(
        self, address: str, *, after: str, wait_seconds: float
    ) -> list[tuple[str, bytes]]:
        key = _answer_key(address)
        reply = await self._redis.block(
            "XREAD", "COUNT", 1000, "BLOCK", _block(wait_seconds), "STREAMS", key, after or "0-0"
        )
        return [(id_.decode(), fields[1]) for id_, fields in _entries(reply)]

    async def forget(self, address: str, positions: Sequence[str]) -> None:
        await self._redis.execute("XDEL", _answer_key(address), *positions)


def lane_key(lane: str, part: str) -> str:
    """All keys of a lane share its hash tag, so that one script may touch them in a cluster."""
    return f"{{{lane}}}:{part}"


@cache
def stream_key(lane: str) -> str:
    return lane_key(lane, "stream")


_PARTS: Final = (
    "stream", "later", "later.bodies", "timers", "timers.bodies", "paused", "dead",
)  # fmt: skip


def _all_keys(lane: str) -> list[str]:
    return [lane_key(lane, part) for part in _PARTS]


def _answer_key(address: str) -> str:
    return f"{{{address}}}"


def _block(wait_seconds: float) -> int:
    """Milliseconds, never 0: that would mean for ever."""
    return max(1, int(min(wait_seconds, WAIT_SECONDS) * 1000))


def _entries(reply: Reply) -> list[tuple[bytes, list[bytes]]]:
    return reply[0][1] if reply else []


def _foreign(fields: list[bytes]) -> bytes:
    """Somebody else put it there: no envelope, but its bytes are kept, for it is parked."""
    return json.dumps([field.decode(errors="surrogateescape") for field in fields]).encode()


def _counted(reply: Reply) -> list[Entry]:
    return [
        Entry(id_.decode(), fields[1] if fields[0] == b"e" else _foreign(fields), deliveries)
        for id_, fields, deliveries in reply
    ]


def _dead_letter(id_: bytes, fields: list[bytes]) -> DeadLetter:
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return DeadLetter(
        id=id_.decode(), entry_id=found[b"entry"].decode(), reason=found[b"reason"].decode(),
        attempts=int(found[b"attempts"]), body=found[b"e"],
    )  # fmt: skip


def _flat(rows: Iterable[tuple[Word, ...]]) -> list[Word]:
    return [word for row in rows for word in row]
