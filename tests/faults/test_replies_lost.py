"""The reply of each call of Redis and SMTP is lost in turn, while people chat."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from libs.ledger.open import SQLITE_FILE
from libs.ledger.sqlite import open_sqlite
from tests.certificates import self_signed, server_context
from tests.faults import call_sites
from tests.faults.call_sites import Sites, unnamed
from tests.faults.calls import redis_calls, smtp_calls
from tests.faults.deployment import Deployment, deployment
from tests.faults.errands import errands
from tests.faults.mailbox import mailbox
from tests.faults.proxy import Proxy, proxy
from tests.faults.verdict import verdict
from tests.faults.visitors import visitors
from tests.servers import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.prove, pytest.mark.timeout(900)]

Record = Callable[[str, object], None]

EACH = 2
HIT_SECONDS = 150.0
LOCKED_SECONDS = 12.0
"""Longer than SQLite's busy timeout and than the streams' renewal."""


async def lost_in_turn(wire: Proxy, sites: Sites) -> int:
    """Returns how many replies were lost; each site must have been struck."""
    for name, match in sites.items():
        fault = wire.fault(match, "lose_reply", EACH)
        deadline = asyncio.get_running_loop().time() + HIT_SECONDS
        while fault.left:
            assert asyncio.get_running_loop().time() < deadline, f"nobody called {name}"
            await asyncio.sleep(0.02)
    return EACH * len(sites)


@contextlib.asynccontextmanager
async def lost_meanwhile(wire: Proxy, sites: Sites, *, each: int = EACH) -> AsyncIterator[None]:
    """Each was struck when the block ends: what it does cannot be done without."""
    faults = {name: wire.fault(match, "lose_reply", each) for name, match in sites.items()}
    yield
    assert [name for name, fault in faults.items() if fault.left] == []


async def test_redis(tmp_path: Path, record_property: Record) -> None:
    file = tmp_path / "data" / SQLITE_FILE
    with redis_server("--appendonly", "yes") as redis, mailbox() as box:
        async with (
            proxy("127.0.0.1", redis.port) as wire,
            lost_meanwhile(wire, call_sites.REDIS_AT_START),
            deployment(tmp_path, redis_url=through(wire), smtp_port=box.port) as handoff,
            open_sqlite(file) as records,
        ):
            lost = EACH * len(call_sites.REDIS_AT_START)
            async with visitors(handoff.url) as street, errands(handoff, redis.url):
                lost += await lost_in_turn(wire, call_sites.REDIS)
                lost += await _while_locked(wire, file)
                lost += await _while_replaced(wire, handoff)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("reply of each Redis call lost", lost))
    assert tally.kept(), tally
    assert unnamed(redis_calls(wire), call_sites.REDIS_OF_SERVICES) == set()


def through(wire: Proxy) -> str:
    return f"redis://127.0.0.1:{wire.port}/0"


async def _while_locked(wire: Proxy, records: Path) -> int:
    striking = asyncio.create_task(lost_in_turn(wire, call_sites.REDIS_WHILE_RECORDS_ARE_LOCKED))
    with contextlib.closing(sqlite3.connect(records, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(LOCKED_SECONDS)
        lock.execute("ROLLBACK")
    return await striking


async def _while_replaced(wire: Proxy, handoff: Deployment) -> int:
    striking = asyncio.create_task(lost_in_turn(wire, call_sites.REDIS_WHEN_A_SERVICE_STOPS))
    while not striking.done():
        for name in ("lead", "mailer"):
            handoff.replace(handoff.named(name)[0])
            await asyncio.wait([striking], timeout=5)
    return await striking


async def test_smtp(tmp_path: Path, record_property: Record) -> None:
    """Until the dot a lost reply is a definite no; after it the mail is sent again, flagged.

    Before that the mailers look for a receipt of what they cannot know, in Redis too.
    """
    certificate = self_signed(tmp_path, "localhost")
    with redis_server("--appendonly", "yes") as redis, mailbox(**_offers(certificate)) as box:
        async with (
            proxy("127.0.0.1", redis.port) as in_redis,
            lost_meanwhile(in_redis, call_sites.REDIS_WHILE_A_FATE_IS_UNKNOWN, each=1),
            proxy("127.0.0.1", box.port) as wire,
            deployment(
                tmp_path, redis_url=through(in_redis), smtp_port=wire.port, SMTP_HOST="localhost",
                SMTP_USERNAME="shop", SMTP_PASSWORD="secret", SSL_CERT_FILE=str(certificate),
            ) as handoff,
            open_sqlite(tmp_path / "data" / SQLITE_FILE) as records,
        ):  # fmt: skip
            async with visitors(handoff.url) as street:
                ambiguous = lost = await lost_in_turn(wire, call_sites.SMTP_DOT)
                lost += await lost_in_turn(wire, call_sites.SMTP)
                for mailer in handoff.named("mailer"):
                    mailer.environ = {**mailer.environ, "SMTP_TLS": "starttls"}
                    handoff.replace(mailer)
                lost += await lost_in_turn(wire, call_sites.SMTP_WITH_TLS)
            tally = await verdict(records, box, street.threads)
    record_property("row", tally.row("reply of each SMTP stage lost", lost))
    assert tally.kept(copies_at_most=ambiguous), tally
    smtp = (call_sites.SMTP_DOT, call_sites.SMTP, call_sites.SMTP_WITH_TLS)
    assert unnamed(smtp_calls(wire), *smtp) == set()
    assert unnamed(redis_calls(in_redis), call_sites.REDIS_OF_SERVICES) == set()


def _offers(certificate: Path) -> dict[str, object]:
    """TLS to who wants it, and any password is right, also in clear."""
    return {
        "tls_context": server_context(certificate),
        "authenticator": lambda *_: AuthResult(success=True),
        "auth_require_tls": False,
    }
