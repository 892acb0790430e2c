"""A process that ends by itself: its exit code, and what its log says of the cause."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

import libs.runtime.run
from libs.errors import SettingsError
from libs.messages.lead import ConsiderLead
from libs.messages.streams import LEAD_CONSIDER
from libs.redis.link import RedisRefused
from libs.runtime.metrics import HANDLED
from libs.runtime.run import Plan, guarded, run
from libs.runtime.runtime import Runtime, Service, Site
from libs.runtime.settings import CommonSettings
from libs.streams.port import Consumer, Delivery
from tests.servers import free_port


def end(
    loop: Callable[[], Awaitable[None]],
    settings: CommonSettings | None = None,
    *,
    one_machine: bool = True,
) -> int:
    """Of a process with one part, that does this."""

    async def wire(_: CommonSettings, __: Runtime) -> Service:
        return Service("part", loops=(loop,))

    plans = [Plan("part", settings or CommonSettings(), wire)]
    return guarded(lambda: run(plans, redis_url="fake://", one_machine=one_machine))


@pytest.mark.parametrize(
    ("one_machine", "heard_on"), [(True, "127.0.0.1"), (False, "127.0.0.2")], ids=["one", "many"]
)
def test_numbers_are_served_where_the_host_says_and_on_one_machine_on_loopback(
    one_machine: bool,  # noqa: FBT001 - a column
    heard_on: str,
) -> None:
    settings = CommonSettings(host="127.0.0.2", metrics_port=free_port())
    heard: list[str] = []

    async def listen() -> None:
        for host in ("127.0.0.1", "127.0.0.2"):
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection(host, settings.metrics_port)
                writer.close()
                heard.append(host)
        raise SettingsError("Enough.")

    end(listen, settings, one_machine=one_machine)

    assert heard == [heard_on]


async def in_groups(error: Exception) -> None:
    """As a consumer fails: in a task group of its lane, in one of its stream."""

    async def fails() -> None:
        raise error

    async with asyncio.TaskGroup() as stream:

        async def lane() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())

        stream.create_task(lane())


def test_a_part_that_dies_ends_the_process_and_its_cause_is_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = end(lambda: in_groups(RedisRefused("WRONGTYPE")))

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (died,) = [line for line in lines if line["event"] == "unhandled_exception"]
    assert code == 1
    assert died["exception_type"] == "RedisRefused"
    assert died["where"].startswith("test_run.py:")


def test_a_part_that_cannot_work_as_set_up_says_one_sentence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = end(lambda: in_groups(SettingsError("MAIL is wrong.")))

    assert code == 2
    assert capfd.readouterr().err.splitlines()[-1] == "handoff: MAIL is wrong."


def test_every_process_tells_of_every_stream_also_of_one_that_nobody_reads() -> None:
    """A gateway alone, say: with every lead process dead it must not look as if all were well."""
    said = list[str]()

    async def wire(_: CommonSettings, runtime: Runtime) -> Service:
        async def look() -> None:
            async with asyncio.timeout(60):
                while not said or "lead.consider" not in said[-1]:
                    said.append(runtime.metrics.prometheus())
                    await asyncio.sleep(0.01)
            raise SettingsError("seen")

        await runtime.streams.publish(ConsiderLead(shop="s", thread_id="cthr_1", reason="idle"))
        return Service("part", loops=(look,))

    plans = [Plan("part", CommonSettings(), wire)]
    guarded(lambda: run(plans, redis_url="fake://", one_machine=True))

    assert 'handoff_stream_lag{stream="lead.consider"} 1' in said[-1]


def test_loop_and_threads_give_each_other_the_interpreter_within_a_millisecond() -> None:
    seen = list[float]()

    async def look() -> None:
        seen.append(sys.getswitchinterval())
        raise SettingsError("seen")

    usual = sys.getswitchinterval()
    try:
        end(look)
    finally:
        sys.setswitchinterval(usual)

    assert 0 < max(seen) < 0.001


async def until_the_signal(told: list[str]) -> None:
    """A loop, which ends at once when the process stops."""
    try:
        await asyncio.Event().wait()
    finally:
        told.append("stopping")


def stopped_in_mid_message(does: Callable[[list[str]], Awaitable[None]]) -> tuple[int, list[str]]:
    """The exit code of a process that gets SIGTERM while it handles, and what happened in order."""
    told = list[str]()

    async def handle(_: Delivery[ConsiderLead]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(60):
            while "stopping" not in told:
                await asyncio.sleep(0)
        try:
            await does(told)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def wire(_: CommonSettings, runtime: Runtime) -> Service:
        await runtime.streams.publish(ConsiderLead(shop="s", thread_id="cthr_1", reason="idle"))
        runtime.stack.callback(
            lambda: told.append(
                f"{runtime.metrics.value(HANDLED, 'lead.consider', 'done'):.0f} done"
            )
        )
        consumers = (Consumer(LEAD_CONSIDER, handle),)
        return Service("part", consumers=consumers, loops=(lambda: until_the_signal(told),))

    plans = [Plan("part", CommonSettings(), wire)]
    code = guarded(lambda: run(plans, redis_url="fake://", one_machine=True))
    return code, told


def test_what_is_handled_when_the_signal_comes_is_finished() -> None:
    async def goes_on(told: list[str]) -> None:
        await asyncio.sleep(0.05)
        told.append("finished")

    assert stopped_in_mid_message(goes_on) == (0, ["stopping", "finished", "1 done"])


def test_a_handler_that_does_not_end_is_cancelled_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never_ends(_: list[str]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(libs.runtime.run, "STOP_SECONDS", 0.05)

    assert stopped_in_mid_message(never_ends) == (0, ["stopping", "cancelled", "0 done"])


def test_a_request_that_is_being_answered_when_the_signal_comes_is_answered() -> None:
    port, heard = free_port(), list[bytes]()

    async def answer(_: web.BaseRequest) -> web.Response:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(60):
            while await asyncio.to_thread(listens, port):
                await asyncio.sleep(0)
        return web.Response(text="whole")

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answered:
            heard.append(answered.read())

    async def wire(_: CommonSettings, __: Runtime) -> Service:
        site = Site(web.Server(answer), "127.0.0.1", port, "PORT")
        return Service("part", sites=(site,), loops=(lambda: asyncio.to_thread(ask),))

    plans = [Plan("part", CommonSettings(), wire)]
    code = guarded(lambda: run(plans, redis_url="fake://", one_machine=True))

    assert (code, heard) == (0, [b"whole"])


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0
