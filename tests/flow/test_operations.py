"""Every section of the runbook, followed on a running product that has the very fault."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from libs.blobs.open import open_blobs
from libs.identity.keys import site_keys
from libs.identity.sessions import Session, mint_session_token
from libs.leads.message_links import link_key
from libs.leads.snapshot import LeadSnapshot, Line, Summary, snapshot_key
from libs.leases.port import lease_key
from libs.ledger import events
from libs.ledger.apply import apply
from libs.ledger.open import open_records
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.mail import SendLeadMail
from libs.runtime.settings import CommonSettings, load
from libs.streams.envelope import seal
from ops import doctor as doctor_module
from tests.clock import HandClock
from tests.flow.runbook import RAN, ROOT, bodies, follow, mend, sections, to_run
from tests.product import Product, product, visitor
from tests.servers import free_port, moto_server, url_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SHOP = "craigs"
NEED = "My driver seat in a 2015 Ford F-150 is torn and I want it repaired. I'm Ana."
PHONE = "You can call me at 408-555-0176."


@dataclass
class Letterbox:
    """What an SMTP server took; aiosmtpd calls the handlers."""

    taken: list[bytes] = field(default_factory=list)
    to_sender: str = "250 known"

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, sender: str, options: list[str]
    ) -> str:
        envelope.mail_from = sender
        return self.to_sender

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope.content)
        return "250 taken"


@pytest.fixture(scope="module")
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    from aiosmtpd.controller import Controller

    box = Letterbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, controller.port
    controller.stop()


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Open day and night, but somebody wrote these days down as holidays."""
    folder = tmp_path_factory.mktemp("shops")
    profile = (ROOT / "deploy" / "shops" / "craigs.toml").read_text()
    days = [(datetime.now(UTC) + timedelta(days=n)).date().isoformat() for n in (-1, 0, 1)]
    lines = [f"holidays = {json.dumps(days)}" if line.startswith("holidays") else line
             for line in profile.splitlines()]  # fmt: skip
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
        lines = [f'{day} = ["00:00-24:00"]' if one.startswith(f"{day} =") else one for one in lines]
    (folder / "craigs.toml").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, shops: Path, letterbox: tuple[Letterbox, int]
) -> Iterator[Product]:
    """One product for every fault that leaves the others alone. Its mail leaves by SMTP."""
    faults = {
        "SHOPS": str(shops),
        "QUIET_SECONDS": "600",
        "MAIL": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(letterbox[1]),
        "SMTP_TLS": "none",
        "PUBLIC_URL": "https://chat.example.com",
        "LIMIT_LINKS_PER_ADDRESS": "1/60",
    }
    with product(tmp_path_factory.mktemp("runbook") / "data", **faults) as product_:
        yield product_


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Nothing is wrong with it until a test does something to one thread or stream."""
    with product(tmp_path_factory.mktemp("well") / "data", LEASE_SECONDS="3") as product_:
        yield product_


@dataclass(frozen=True)
class Lead:
    """A thread whose record is moved by real events, as a crashed process would have left it."""

    running: Product
    thread: str

    async def after(self, *steps: tuple[float, events.Event], **rules: Any) -> LeadRecord:
        """Each event at its moment."""
        settings = load(CommonSettings, self.running.settings())
        async with contextlib.AsyncExitStack() as stack:
            records = await open_records(settings, stack)
            for at, event in steps:
                applied = await apply(
                    records, LeadKey(SHOP, self.thread), event, HandClock(at),
                    events.Rules(**rules),
                )  # fmt: skip
                assert applied.wrote, applied.why
            assert applied.record
            return applied.record

    async def record(self) -> LeadRecord | None:
        settings = load(CommonSettings, self.running.settings())
        async with contextlib.AsyncExitStack() as stack:
            return await (await open_records(settings, stack)).read(LeadKey(SHOP, self.thread))

    async def sent(self) -> bool:
        record = await self.record()
        return record is not None and record.state is State.SENT

    async def fixed(self) -> str:
        """Key of a snapshot of this thread in the product's own blob store."""
        snapshot = LeadSnapshot(
            shop=SHOP, thread_id=self.thread, visitor="v_1", title="Seat", kind="full",
            reason="idle", request_id="req-runbook", last_item_id="cthi_1",
            fixed_at=time.time() - 3600, summary=Summary(project="torn seat"),
            lines=(Line(item_id="cthi_1", speaker="customer", name="Ana", text=PHONE, at=1.0),),
        )  # fmt: skip
        settings = load(CommonSettings, self.running.settings())
        key = snapshot_key(SHOP, self.thread, snapshot.encode())
        async with contextlib.AsyncExitStack() as stack:
            blobs = await open_blobs(settings, stack)
            await blobs.put(key, snapshot.encode(), content_type="application/json")
        return key

    async def armed(self) -> events.Arm:
        return events.Arm(
            attempt=1, lid="nonce-1", last_item_id="cthi_1", transcript_ends_at="cthi_1",
            snapshot=await self.fixed(), content_hash="h", kind="full",
        )  # fmt: skip


@contextlib.asynccontextmanager
async def post(running: Product) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(running.url, headers={"Origin": running.url}) as http:
        yield http


def redis_of(running: Product) -> Any:
    import redis

    return redis.Redis.from_url((running.data / "redis" / "redis.url").read_text())


async def eventually(what: Any, seconds: float = 60) -> Any:
    """What it gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := await what()) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    assert found
    return found


async def in_the_log(running: Product, words: str) -> None:
    """Lines of requests are written together, a moment later."""

    async def there() -> bool:
        return words in running.log

    await eventually(there)


FOLLOWED = {
    "": "test_the_first_commands",
    "The chat does not load": "test_the_chat_does_not_load",
    "Session errors": "test_session_errors",
    "No lead email": "test_no_lead_email",
    "Duplicate emails": "test_duplicate_emails",
    "Wrong language or hours": "test_wrong_language_or_hours",
    "A service will not start": "test_a_service_will_not_start",
    "Auth failures": "test_auth_failures",
    "Rate limit complaints": "test_rate_limit_complaints",
    "A token may have leaked": "test_a_token_may_have_leaked",
    "High error rate": "test_a_high_error_rate_on_one_route",
    "Redis is down": "test_redis_is_down_and_so_is_the_error_rate",
    "The record store is down": "test_the_record_store_is_down",
    "Dead letters": "test_dead_letters",
    "A stuck lease, or a held lead": "test_a_held_lead",
}


@pytest.fixture(autouse=True)
def to_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test of a section runs every command of it, those in the prose too."""
    before = len(RAN)
    yield
    ran = {one.command for one in RAN[before:]}
    mine = [section for section, test in FOLLOWED.items() if test == request.node.name]
    assert [to_run(section) - ran for section in mine] == [set() for _ in mine]


def test_every_section_is_followed() -> None:
    assert sections().keys() == FOLLOWED.keys()
    assert all(name in globals() for name in FOLLOWED.values())
    assert all(len(commands) == 3 for name, commands in sections().items() if name)


@pytest.mark.parametrize("name", [name for name in bodies() if name])
def test_a_section_says_what_is_seen_what_the_commands_mean_and_what_to_capture(name: str) -> None:
    seen, _, rest = bodies()[name].strip().partition("```sh")
    meaning, _, capture = rest.partition("```")[2].partition("Capture: ")

    assert seen.startswith("You see: ")
    assert len(meaning.split()) > 30
    assert capture.strip().endswith(".")


def test_the_commands_that_find_the_cause_change_nothing() -> None:
    changing = {"resend", "close", "retry", "drop", "pause", "resume", "forget"}
    commands = [command for section in sections().values() for command in section]

    assert [command for command in commands if changing & set(command.split())] == []


async def test_the_first_commands(well: Product) -> None:
    """Two leads were sent and one waits; then the three people are forgotten."""
    phone, email = [
        await said(well, f"{NEED} {contact}") for contact in ("408-555-0199", "ana@ruiz.example")
    ]
    doctor, streams, held = follow("", well)
    dead = mend("", "handoff dead list", well)
    for thread in (phone, email):
        await eventually(Lead(well, thread).sent)
    waits, now = Lead(well, "cthr_waits"), time.time()
    await waits.after((now, events.Considered(reason="not_idle", due_at=now + 600)))
    why = mend("", "handoff why $THREAD", well, THREAD=phone)
    open_ = mend("", "handoff leads open", well)
    table, rows, google = [
        mend("", f"handoff leads export --format {form}", well)
        for form in ("csv", "json", "google")
    ]
    forgotten = [
        mend("", 'handoff forget "$WHOM"', well, WHOM=whom)
        for whom in ("(408) 555-0199", "ana@ruiz.example", waits.thread)
    ]

    asked = (doctor, streams, held, why, dead, table, rows, google, *forgotten)
    assert [one.said for one in asked if one.code] == []
    assert "PROBLEM" not in doctor.said
    assert "lead.consider" in streams
    assert "Sent as a full lead" in why
    assert open_.code == 1
    assert waits.thread in open_
    assert phone not in open_
    assert {phone, email} <= {line.partition(",")[0] for line in table.said.splitlines()}
    assert {phone, email} <= {row["thread"] for row in json.loads(rows.said)}
    [request] = json.loads(google.said)
    events_ = request["events"]
    assert {phone, email} <= {event["transactionId"] for event in events_}
    assert [gone.said.count("cthr_") for gone in forgotten] == [0, 0, 0]
    assert all("conversations 1" in gone for gone in forgotten[:2])
    assert "leads that were to be sent 1" in forgotten[2]


async def said(running: Product, text: str) -> str:
    """The thread of a visitor who says this and leaves."""
    async with visitor(running.url) as ana:
        await ana.say(text)
    return ana.thread


async def test_the_chat_does_not_load(running: Product) -> None:
    async with aiohttp.ClientSession(running.url) as http:
        headers = {"Origin": "https://shop.example"}
        async with http.post("/api/chatkit/session", json={}, headers=headers) as answer:
            assert answer.status == 403

    await in_the_log(running, "origin_not_allowed")
    health, page, logged = follow("The chat does not load", running)

    assert json.loads(health.said)["status"] == "ok"
    assert json.loads(page.said)["chat"]["shop"].startswith("Craig")
    assert logged.code == 0


async def test_session_errors(tmp_path: Path) -> None:
    with product(tmp_path / "data", LIMIT_MINTS_PER_MINUTE="1/60") as capped:
        async with visitor(capped.url), post(capped) as http:
            async with http.post("/api/chatkit/session", json={"user": "somebody"}) as answer:
                assert answer.status == 503

            logged, doctor, numbers = follow("Session errors", capped)

    assert json.loads(logged.said.splitlines()[0])["code"] == "mints_per_minute"
    assert doctor.code == 0
    assert json.loads(numbers.said)["error_count"] == 1


async def test_no_lead_email(well: Product) -> None:
    """Somebody paused the stream, and a message about the lead was parked."""
    section = "No lead email"
    with redis_of(well) as redis:
        redis.set("{lead.consider:0}:paused", 1)
    async with visitor(well.url) as ana:
        await ana.say(f"{NEED} {PHONE}")
    wish = ConsiderLead(shop=SHOP, thread_id=ana.thread, reason="idle", visitor=ana.user)
    parked = {"entry": "1-0", "reason": "tried too often", "attempts": 9, "e": seal(wish)}
    with redis_of(well) as redis:
        letter = f"lead.consider/{redis.xadd('{lead.consider:0}:dead', parked).decode()}"
    given = {"THREAD": ana.thread, "DEAD": letter, "STREAM": "lead.consider"}

    why, doctor, dead = follow(section, well, **given)
    story = mend(section, "handoff why $THREAD --json", well, **given)
    retried = mend(section, "handoff dead retry $DEAD", well, **given)
    [again] = follow(section, well, only=(0,), **given)
    resumed = mend(section, "handoff resume $STREAM", well, **given)

    assert f"then `handoff dead retry {letter}`." in why
    assert "dead letters PROBLEM 1" in doctor
    assert "tried too often" in dead
    assert json.loads(story.said)["next_step"] in why
    assert "Next step: `handoff resume lead.consider`." in again
    ran = (why, doctor, dead, story, retried, again, resumed)
    assert [one.code for one in ran] == [1, 1, 1, 1, 0, 1, 0]
    await eventually(lambda: mailed(well, ana.thread))


async def test_no_lead_email_because_they_left_no_phone(well: Product) -> None:
    lead = Lead(well, await said(well, NEED))

    async def decided() -> bool:
        record = await lead.record()
        return record is not None and record.reason == "missing_contact"

    await eventually(decided)
    [why] = follow("No lead email", well, only=(0,), THREAD=lead.thread)

    assert "Waiting: no phone and no email yet." in why
    assert "Next step: Nothing: it is looked at again by itself." in why
    assert why.code == 0


async def test_no_lead_email_because_the_server_does_not_take_the_sender(
    running: Product, letterbox: tuple[Letterbox, int]
) -> None:
    lead = Lead(running, "cthr_refused")
    await lead.after((time.time(), events.Considered(reason="idle", due_at=time.time() + 600)))
    wish = SendLeadMail(
        shop=SHOP, thread_id=lead.thread, snapshot=await lead.fixed(), last_item_id="cthi_1",
        kind="full", reason="idle",
    )  # fmt: skip

    async def refused() -> bool:
        record = await lead.record()
        return record is not None and record.state is State.ERROR

    letterbox[0].to_sender = "553 not owned by user"
    try:
        with redis_of(running) as redis:
            redis.xadd("{mail.send:0}:stream", {"e": seal(wish)})
        await eventually(refused)
        why, doctor = follow("No lead email", running, only=(0, 1), THREAD=lead.thread)
    finally:
        letterbox[0].to_sender = "250 known"

    assert "will be tried again: mail_553." in why
    assert "not taken: chat@craigs.autos (553)" in doctor
    assert doctor.code == 1


async def mailed(running: Product, thread: str) -> list[Path]:
    return running.mails(thread)


async def test_duplicate_emails(running: Product, letterbox: tuple[Letterbox, int]) -> None:
    lead = Lead(running, await said(running, f"{NEED} {PHONE}"))
    await eventually(lead.record)
    await lead.after((time.time() - 3600, await lead.armed()))  # killed before it knew

    async def mail() -> bytes | None:
        return next((one for one in letterbox[0].taken if lead.thread.encode() in one), None)

    subject = str(message_from_bytes(await eventually(mail), policy=default)["Subject"])

    await eventually(lead.sent)
    section = "Duplicate emails"
    why, logged, says = follow(section, running, THREAD=lead.thread)
    story = mend(section, "handoff why $THREAD --json", running, THREAD=lead.thread)
    doctor = mend(section, "handoff doctor", running)

    assert "(possible copy)" in subject
    assert "Sent as a full lead with attempt 2, marked as a possible copy" in why
    assert "Nobody knows whether it arrived: attempt 1." in why
    assert lead.thread in logged.said
    assert json.loads(story.said)["headline"] in why
    assert "mail ok" in doctor
    assert (why.code, logged.code, says.code, story.code) == (0, 0, 0, 0)


def test_wrong_language_or_hours(running: Product) -> None:
    page, doctor, now = follow("Wrong language or hours", running)

    chat = json.loads(page.said)["chat"]
    assert (chat["locale"], chat["open_now"]) == ("es", False)
    assert "one machine, one clock" in doctor
    assert "UTC" in now.said


NO_START = [
    {"TRUSTED_HOPS": "abc"},  # the gateway's
    {"DUPLICATE_POLICY": "never_three"},  # the mailer's
    {"OPENAI_BASE_URL": "http://127.0.0.1:abc/v1", "OPENAI_API_KEY": "sk"},
    {"AWS_REGION": "us east", "RECORDS": "dynamodb"},
    {"RECORDS": "sqlit", "REDIS_URL": "x"},
]


def test_a_service_will_not_start(running: Product, tmp_path: Path) -> None:
    section = "A service will not start"
    already, well, disk = follow(section, running)
    beside = Product(tmp_path / "data", port=running.port)
    [taken] = follow(section, beside, only=(0,))
    alone = {"REDIS_URL": (running.data / "redis" / "redis.url").read_text(), "SITE_KEYS": "k" * 40}
    by_name = partial(mend, section, "python -m services.gateway", running, **alone)
    gateway_taken, gateway_odd = by_name(), by_name(TRUSTED_HOPS="abc")

    assert "Another Handoff" in already
    assert "settings ok" in well
    assert disk.code == 0
    assert f"Port {running.port} on 127.0.0.1 is taken" in taken
    assert [one for one in (already, taken) if "exit code 2" not in one] == []
    assert "HANDOFF_PORT" in gateway_taken
    assert "TRUSTED_HOPS" in gateway_odd
    assert (gateway_taken.code, gateway_odd.code) == (2, 2)


@pytest.mark.parametrize("wrong", NO_START, ids=lambda wrong: next(iter(wrong)))
def test_a_service_will_not_start_on_a_setting(wrong: dict[str, str], tmp_path: Path) -> None:
    name = next(iter(wrong))
    start, doctor = follow(
        "A service will not start", Product(tmp_path / "data"), only=(0, 1), **wrong
    )

    assert "exit code 2" in start
    assert name in start
    assert "Traceback" not in start
    assert doctor.code in {1, 2}
    assert doctor.said.count(name) == 1


async def test_a_service_will_not_start_because_a_part_dies(tmp_path: Path) -> None:
    """By a bug of ours: no disk and no foreign hand is known to do that."""
    from tests.servers import redis_server

    (tmp_path / "sitecustomize.py").write_text(
        "from services.lead.watches import Sweeper\n"
        "async def sweep(self):\n    raise ZeroDivisionError\n"
        "Sweeper.sweep = sweep\n"
    )
    broken = Product(tmp_path / "data")
    await Lead(broken, "cthr_1").after((1.0, events.Considered(reason="idle", due_at=1.0)))
    with redis_server() as redis:
        given = {"REDIS_URL": redis.url, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
        start, doctor = follow("A service will not start", broken, only=(0, 1), **given)

    assert "exit code 1" in start
    line = json.loads(next(one for one in start.said.splitlines() if "unhandled" in one))
    assert line["exception_type"] == "ZeroDivisionError"
    assert ".py:" in line["where"]
    assert doctor.code == 1
    assert "is lead up?" in doctor


async def test_auth_failures(running: Product) -> None:
    settings = load(CommonSettings, running.settings())
    [key] = site_keys(settings, one_machine=True)
    expired = mint_session_token(
        [key], Session(shop=SHOP, visitors=("v_1",), expires=int(time.time()) - 9)
    )
    foreign = mint_session_token(
        ["f" * 40], Session(shop=SHOP, visitors=("v_1",), expires=int(time.time()) + 99)
    )
    async with post(running) as http:
        for token in (expired, foreign):
            headers = {"Authorization": f"Bearer {token}"}
            body = {"type": "threads.list", "params": {}}
            async with http.post("/api/chatkit", json=body, headers=headers) as answer:
                assert answer.status == 401

    await in_the_log(running, "invalid_session")
    expired_lines, foreign_lines, now = follow("Auth failures", running)

    assert int(expired_lines.said) == 1
    assert int(foreign_lines.said) == 1
    assert "UTC" in now.said


async def test_rate_limit_complaints(running: Product) -> None:
    async with post(running) as http:
        for _ in range(2):
            async with http.get("/api/message-link?token=x") as answer:
                status = answer.status
    assert status == 429

    logged, series, numbers = follow("Rate limit complaints", running)

    line = json.loads(logged.said.splitlines()[0])
    assert (line["endpoint"], line["limit"]) == ("/api/message-link", "links_per_address")
    assert "handoff_rate_limited_total" in series.said
    assert json.loads(numbers.said)["rate_limit_hits"] >= 1


async def test_a_token_may_have_leaked(well: Product) -> None:
    section = "A token may have leaked"
    async with visitor(well.url) as ana:
        [before] = follow(section, well, only=(1,))
        body = {"threadId": "cthr_1", "reason": "idle", "user": "somebody-else"}
        async with ana.http.post(
            f"{ana.url}/api/chatkit/lead", json=body, headers=ana.headers
        ) as answer:
            assert answer.status == 401

    await in_the_log(well, "identity_mismatch")
    doctor, mismatches, streams = follow(section, well)

    assert (before.code, int(before.said)) == (1, 0)  # grep found none
    assert (mismatches.code, int(mismatches.said)) == (0, 1)
    assert (doctor.code, streams.code) == (0, 0), doctor.said
    assert "settings ok" in doctor
    assert "PROBLEM" not in doctor.said


def _end_redis_for_good(running: Product) -> None:
    """It has no place to listen on any more: started again within a second, it ends again."""
    folder = running.data / "redis"
    socket = Path((folder / "redis.url").read_text().removeprefix("unix://"))
    shutil.rmtree(socket.parent)
    os.kill(int((folder / "redis.pid").read_text()), signal.SIGKILL)


async def test_a_high_error_rate_on_one_route(well: Product) -> None:
    """What a disk that was full left of a file: an error that no table names."""
    token = "a" * 22
    async with contextlib.AsyncExitStack() as stack:
        blobs = await open_blobs(load(CommonSettings, well.settings()), stack)
        await blobs.put(link_key(token), b'{"shop":"craigs","thr', content_type="application/json")
    async with aiohttp.ClientSession(well.url) as http:
        for _ in range(5):
            async with http.get("/api/message-link", params={"token": token}) as answer:
                assert answer.status == 500
                reference = (await answer.json())["request_id"]

    await in_the_log(well, reference)
    routes, lines, doctor = follow("High error rate", well)
    rest = mend("High error rate", "grep $REQUEST handoff.log", well, REQUEST=reference)

    assert 'route="message_link",status="500"} 5' in routes
    assert routes.said.count('status="5') == 1
    assert lines.said.count('"exception_type":"DecodeError"') == 5
    assert lines.said.count('"where":"structs.py:') == 5
    assert '"route":"message_link"' in lines
    assert doctor.code == 0, doctor.said
    assert '"event":"unhandled_exception"' in rest


async def test_redis_is_down_and_so_is_the_error_rate(tmp_path: Path) -> None:
    with product(tmp_path / "data") as broken:
        async with visitor(broken.url), post(broken) as http:
            _end_redis_for_good(broken)
            async with http.post("/api/chatkit/session", json={}) as answer:
                assert answer.status == 503

            health, doctor, lost = follow("Redis is down", broken)
            routes, lines, again = follow("High error rate", broken)

            assert json.loads(health.said)["redis"] == "disconnected"
            assert (doctor.code, again.code) == (1, 1)
            assert "redis PROBLEM does not answer" in doctor
            assert int(lost.said) > 0
            assert 'route="session",status="503"' in routes
            assert '"part":"redis"' in lines
            assert "unhandled_exception" not in lines

        broken.stop(signal.SIGKILL)
        broken.start()  # as the runbook says
        health, doctor = follow("Redis is down", broken, only=(0, 1))

        assert json.loads(health.said)["redis"] == "connected"
        assert doctor.code == 0, doctor.said


async def test_the_record_store_is_down(tmp_path: Path) -> None:
    aws = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    with (
        moto_server() as dynamodb,
        product(
            tmp_path / "data",
            RECORDS="dynamodb",
            AWS_ENDPOINT_URL_DYNAMODB=url_of(dynamodb),
            **aws,
        ) as broken,
    ):
        dynamodb.stop()
        async with post(broken) as http, http.post("/api/chatkit/session", json={}) as answer:
            assert answer.status == 503

        health, doctor, streams = follow("The record store is down", broken)

    assert json.loads(health.said)["database"] == "disconnected"
    assert doctor.code == 1
    assert "records PROBLEM" in doctor
    left_out = {"records", "blobs", "clock", "second sender"}  # as the text says
    for name, _ in (*doctor_module.FIRST, *doctor_module.OTHERS):
        assert f"\n{name} " in doctor.said
    assert {name for name, _ in doctor_module.OF_STORES} == left_out
    assert re.findall(r"^(?:blobs|clock|second sender) .*", doctor.said, re.MULTILINE) == []
    assert streams.code == 0, streams.said


async def test_dead_letters(running: Product) -> None:
    rejected = SendLeadMail(
        shop="nobody", thread_id="cthr_1", snapshot="", last_item_id="", kind="full", reason="idle"
    )
    with redis_of(running) as redis:
        redis.xadd("{lead.consider:0}:stream", {"e": b"\x00garbage"})
        redis.xadd("{mail.send:0}:stream", {"e": seal(rejected)})
        dead = await eventually(lambda: _parked(redis, "{mail.send:0}:dead"))
        await eventually(lambda: _parked(redis, "{lead.consider:0}:dead"))

    listed, shown, doctor = follow("Dead letters", running, DEAD=f"mail.send/{dead}")
    retried = mend("Dead letters", "handoff dead retry $DEAD", running, DEAD=f"mail.send/{dead}")

    assert listed.code == 1
    assert "not a lead.consider.v1" in listed
    assert "unknown shop" in listed
    assert (shown.code, retried.code) == (0, 0)
    assert "cthr_1" in shown
    assert "dead letters PROBLEM 2" in doctor
    assert "Back in mail.send" in retried

    with redis_of(running) as redis:
        garbage = f"lead.consider/{_parked_now(redis, '{lead.consider:0}:dead')}"
    refused = mend("Dead letters", "handoff dead retry $DEAD", running, DEAD=garbage)
    dropped = mend("Dead letters", "handoff dead drop $DEAD", running, DEAD=garbage)
    [gone] = follow("Dead letters", running, only=(1,), DEAD=garbage)

    assert (refused.code, dropped.code, gone.code) == (1, 0, 3)


async def _parked(redis: Any, key: str) -> str:
    return _parked_now(redis, key)


def _parked_now(redis: Any, key: str) -> str:
    letters = redis.xrange(key)
    return letters[0][0].decode() if letters else ""


async def test_a_stuck_lease(well: Product) -> None:
    """A worker took it and says nothing more; the thread waits for the lease to end."""
    section = "A stuck lease, or a held lead"
    async with visitor(well.url) as ana:
        await ana.say(NEED)
        lease = lease_key(thread_name(SHOP, ana.thread))
        with redis_of(well) as redis:
            redis.set(lease, "nonce-of-somebody-else", px=600_000)
        await ana.say(PHONE)
        why, lead, streams = follow(section, well, THREAD=ana.thread)
        waiting = await mailed(well, ana.thread)
        with redis_of(well) as redis:
            redis.pexpire(lease, 1)

    assert "A worker holds its lease right now; leases end by themselves." in why
    assert (lead.code, streams.code) == (3, 0)
    assert not waiting
    await eventually(lambda: mailed(well, ana.thread))


async def held(running: Product) -> Lead:
    lead, now = Lead(running, await said(running, f"{NEED} {PHONE}")), time.time()
    await eventually(lead.record)
    record = await lead.after(
        (now, await lead.armed()), (now + 2000, events.WindowsPassed()), policy="never_two"
    )
    assert (record.state, record.attempt) == (State.HELD, 1)
    return lead


async def test_a_held_lead(running: Product, letterbox: tuple[Letterbox, int]) -> None:
    """Its customer spoke a moment ago, and `QUIET_SECONDS` are far from over."""
    section, lead = "A stuck lease, or a held lead", await held(running)
    resend = partial(
        mend, section, "handoff resend $THREAD --attempt 1", running, THREAD=lead.thread
    )

    why, says, streams = follow(section, running, THREAD=lead.thread)
    story = mend(section, "handoff why $THREAD --json", running, THREAD=lead.thread)
    listed = mend(section, "handoff leads held", running)
    untouched = await lead.record()
    resent = resend()
    mails = [one for one in letterbox[0].taken if lead.thread.encode() in one]
    [again] = follow(section, running, only=(0,), THREAD=lead.thread)
    refused = resend()
    await _that_the_shop_has(running)
    await _that_nobody_shall_get(running)

    ran = (why, says, story, listed, resent, again, refused)
    assert [one.code for one in ran] == [1, 0, 1, 1, 0, 0, 1]
    assert "Nobody reads" not in streams
    assert untouched
    assert untouched.state is State.HELD
    assert json.loads(story.said)["headline"] in why
    assert lead.thread in listed
    assert "torn seat" in says
    assert "Held for a person: nobody can know whether an attempt arrived" in why
    assert f"handoff resend {lead.thread} --attempt 1" in why
    assert "It was sent." in resent
    [mail] = mails
    assert "(possible copy)" in str(message_from_bytes(mail, policy=default)["Subject"])
    assert "An operator asked to send it after all." in again


async def _that_nobody_shall_get(running: Product) -> None:
    section, lead = "A stuck lease, or a held lead", await held(running)

    closed = mend(section, "handoff close $THREAD --attempt 1", running, THREAD=lead.thread)
    [why] = follow(section, running, only=(0,), THREAD=lead.thread)
    left = mend(section, "handoff leads held", running)

    assert (closed.code, why.code) == (0, 0)
    assert "No mail was sent: a person decided that nothing is." in why
    assert lead.thread not in left


async def _that_the_shop_has(running: Product) -> None:
    section, lead = "A stuck lease, or a held lead", await held(running)

    settled = mend(
        section, "handoff resend $THREAD --attempt 1 --arrived", running, THREAD=lead.thread
    )

    record = await lead.record()
    assert settled.code == 0
    assert record
    assert (record.state, record.sent_by) == (State.SENT, "operator")
