"""`handoff` says that it does not know when Redis's reply is lost; asked again, it does no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from libs.blobs.open import BLOBS_FOLDER
from libs.blobs.small import open_two_sizes
from libs.leads.snapshot import snapshot_key
from libs.leases.port import SentMark
from libs.leases.redis import RedisSentMarks
from libs.ledger.open import SQLITE_FILE
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.ledger.sqlite import open_sqlite
from libs.messages.streams import LEAD_CONSIDER
from libs.streams import scripts
from libs.streams.broker import DeadLetter
from libs.streams.envelope import seal
from libs.streams.lanes import lanes_of
from libs.streams.streams import Streams
from ops.__main__ import answer, parser
from tests.contracts.streams_on_redis import streams_at, wish
from tests.faults.call_sites import REDIS, REDIS_AT_START, REDIS_OF_A_PERSON, unnamed
from tests.faults.calls import redis_calls
from tests.faults.proxy import Proxy, proxy
from tests.servers import RedisServer
from tests.unit.ops.desks import snapshot

pytestmark = pytest.mark.slow

KEY = LeadKey("craigs", "cthr_1")
(LANE,) = lanes_of(LEAD_CONSIDER)
DONE, ATTENTION, NOT_ASKED, NOTHING_THERE = range(4)


class Stand(msgspec.Struct, frozen=True):
    """What is in Redis of the lead that was parked."""

    waiting: int = 0
    parked: int = 1
    paused: bool = False
    marked: bool = True


ASKS = {"XREAD of an answer": REDIS["XREAD of an answer"]}
"""Struck where services ask."""
UNTOUCHED, FORGOTTEN = Stand(), Stand(parked=0, marked=False)

COMMANDS: dict[str, tuple[str, int, int, Stand]] = {
    # site: command, its exit codes when the reply is lost and when it is asked again, what is left
    "PING": ("streams", NOT_ASKED, ATTENTION, UNTOUCHED),
    "STATS": ("streams", NOT_ASKED, ATTENTION, UNTOUCHED),
    "SILENCE": ("streams", NOT_ASKED, ATTENTION, UNTOUCHED),
    "SET paused": ("pause lead.consider", NOT_ASKED, DONE, Stand(paused=True)),
    "DEL paused": ("resume lead.consider", NOT_ASKED, DONE, UNTOUCHED),
    "XRANGE of dead letters": ("dead list", NOT_ASKED, ATTENTION, UNTOUCHED),
    "XDEL of a dead letter": ("dead drop {dead}", NOT_ASKED, NOTHING_THERE, Stand(parked=0)),
    "REVIVE": ("dead retry {dead}", NOT_ASKED, NOTHING_THERE, Stand(waiting=1, parked=0)),
    "XADD lead.consider": ("resend cthr_1 --attempt 1", DONE, ATTENTION, Stand(waiting=1)),
    "EXISTS lease": ("why cthr_1", ATTENTION, ATTENTION, UNTOUCHED),
    "DEL sent mark": ("forget cthr_1", ATTENTION, DONE, FORGOTTEN),
    "ERASE": ("forget cthr_1", ATTENTION, DONE, FORGOTTEN),
    "ERASE_ANSWERS": ("forget cthr_1", ATTENTION, NOTHING_THERE, FORGOTTEN),
    "INFO": ("doctor", ATTENTION, ATTENTION, UNTOUCHED),
    "BGREWRITEAOF": ("forget cthr_1", DONE, NOTHING_THERE, FORGOTTEN),
}


@pytest.fixture
async def wire(
    redis_url: str,
    redis_process: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Proxy]:
    """Before the Redis that a running `make up` brought along."""
    async with proxy("127.0.0.1", redis_process.port) as wire:
        for folder in ("redis", BLOBS_FOLDER):
            (tmp_path / folder).mkdir()
        (tmp_path / "redis" / "redis.url").write_text(f"redis://127.0.0.1:{wire.port}/0")
        monkeypatch.setenv("HANDOFF_DATA", str(tmp_path))
        monkeypatch.delenv("REDIS_URL", raising=False)
        yield wire


@pytest.fixture
async def streams(redis_url: str, tmp_path: Path) -> AsyncIterator[Streams]:
    """One lead, held and parked."""
    async with streams_at(redis_url) as streams:
        for script in (scripts.STATS, scripts.SILENCE, scripts.REVIVE, scripts.ERASE):
            await streams.redis.execute("SCRIPT", "LOAD", script.source)
        mark = SentMark(visitor="v_1", sent_at=1.0)
        await RedisSentMarks(streams.redis).mark(KEY.shop, KEY.thread_id, mark)
        await _parked(streams)
        async with open_sqlite(tmp_path / SQLITE_FILE) as records:
            held = LeadRecord(
                key=KEY, state=State.HELD, attempt=1, visitor="v_1", snapshot=await _fixed(tmp_path)
            )
            await records.write(held, expected_version=None)
        yield streams


async def _fixed(tmp_path: Path) -> str:
    """What its mail would say."""
    body = snapshot(KEY.thread_id).encode()
    key = snapshot_key(KEY.shop, KEY.thread_id, body)
    async with open_two_sizes(tmp_path / BLOBS_FOLDER) as blobs:
        await blobs.put(key, body, content_type="application/json")
    return key


async def _parked(streams: Streams) -> None:
    """As a reader parks what it could not handle."""
    broker = streams.broker
    await broker.prepare(LANE)
    await broker.add(LANE, seal(wish(KEY.thread_id)))
    (entry,) = await broker.read(LANE, "reader", count=1, wait_seconds=1)
    letter = DeadLetter(id="", entry_id=entry.id, reason="rejected", attempts=1, body=entry.body)
    await broker.park(LANE, [letter])


async def _stand(streams: Streams) -> Stand:
    stats = await streams.broker.stats(LANE)
    marked = await RedisSentMarks(streams.redis).read(KEY.shop, KEY.thread_id)
    return Stand(stats.unread, stats.dead, stats.paused, marked is not None)


@pytest.mark.parametrize("site", REDIS_OF_A_PERSON)
async def test_a_command_whose_reply_was_lost_may_be_given_again(
    site: str, wire: Proxy, streams: Streams
) -> None:
    command, when_lost, when_again, left = COMMANDS[site]
    (letter,) = await streams.oversight.dead(LEAD_CONSIDER)
    words = command.format(dead=f"{LEAD_CONSIDER.name}/{letter.id}").split()
    struck = wire.fault(REDIS_OF_A_PERSON[site], "lose_reply")

    lost = await answer(parser().parse_args(words))
    again = await answer(parser().parse_args(words))

    assert struck.hits == 1
    assert (lost, again) == (when_lost, when_again)
    assert await _stand(streams) == left
    assert unnamed(redis_calls(wire), REDIS_AT_START, REDIS_OF_A_PERSON, ASKS) == set()
