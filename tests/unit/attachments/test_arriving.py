"""An upload is read whole and in few pieces from its socket, and a refusal of it is heard."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from libs.web.answers import Answer, Refused, json_answer
from libs.web.call import Call
from services.attachments.arriving import wire_of
from tests.raw_http import RawAnswer, read_answer, talk
from tests.unit.attachments.served import head, noting, serving

BODY = random.Random(7).randbytes(700_000)
Loop = Callable[[], asyncio.AbstractEventLoop]

both_loops = pytest.mark.parametrize(
    "loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"]
)


def run(loop: Loop, test: Awaitable[None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60):
            await test

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


async def read(call: Call) -> Answer:
    """As a form is: the first byte through aiohttp."""
    body, pieces = await call.payload.read(1), 0
    with wire_of(call) as wire:
        while await wire.ready():
            pieces += 1
            body += await asyncio.to_thread(wire.take)
    return json_answer({"sha": hashlib.sha256(body).hexdigest(), "pieces": pieces})


async def refuse(call: Call) -> Answer:
    with wire_of(call) as wire:
        await wire.ready()
        wire.take()
        await wire.ready()
        raise Refused("too_large")


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def cut(body: bytes) -> list[bytes]:
    rng, pieces = random.Random(len(body)), list[bytes]()
    while body:
        at = rng.choice([1, 700, 20_000, 200_000])
        pieces.append(body[:at])
        body = body[at:]
    return pieces


async def posted(*pieces: bytes) -> RawAnswer:
    async with serving(read) as port:
        return await talk(port, *pieces)


@both_loops
def test_a_body_is_whole_however_it_comes(loop: Loop) -> None:
    async def test() -> None:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in cut(BODY))
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

        answers = [
            await posted(head(len(BODY)) + BODY),
            await posted(head(len(BODY)), *cut(BODY)),
            await posted(chunked, *cut(chunks + b"0\r\n\r\n")),
        ]

        assert {answer.status for answer in answers} == {200}
        assert {answer.told["sha"] for answer in answers} == {hashlib.sha256(BODY).hexdigest()}

    run(loop, test())


@both_loops
def test_small_pieces_gather_before_anybody_is_woken(loop: Loop) -> None:
    async def test() -> None:
        async with serving(read) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(len(BODY)))
            for at in range(0, len(BODY), 4_096):
                writer.write(BODY[at : at + 4_096])
                await asyncio.sleep(0)  # the server is woken if it can be
            answer = await read_answer(reader)
            writer.close()

        assert answer.told["sha"] == hashlib.sha256(BODY).hexdigest()
        assert answer.told["pieces"] < 10

    run(loop, test())


@both_loops
def test_a_sender_who_leaves_is_not_waited_for(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.web.server.LINGER_SECONDS", 0.1)

    async def test() -> None:
        left = asyncio.Event()

        async with serving(noting(left, read)) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(len(BODY)) + BODY[:400_000])
            await writer.drain()
            writer.close()
            await left.wait()

    run(loop, test())


@both_loops
@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_who_falls_silent_is_refused(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, *, chunked: bool
) -> None:
    monkeypatch.setattr("services.attachments.arriving.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.attachments.arriving.SILENCE_SECONDS", 4)
    monkeypatch.setattr("libs.web.server.LINGER_SECONDS", 0.05)

    async def test() -> None:
        async with serving(read) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((CHUNKED + b"3e8\r\n" if chunked else head(len(BODY))) + BODY[:500])
            answer = await read_answer(reader)
            writer.close()

        assert answer.status == 408

    run(loop, test())


@both_loops
def test_little_is_taken_when_nothing_more_comes(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone on a bad line brings a few kilobytes a second, and is not silent."""
    monkeypatch.setattr("services.attachments.arriving.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("services.attachments.arriving.SILENCE_SECONDS", 20)

    async def test() -> None:
        async with serving(read) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(20_000))
            for at in range(0, 20_000, 1_000):
                writer.write(BODY[at : at + 1_000])
                await asyncio.sleep(0.05)
            answer = await read_answer(reader)
            writer.close()

        assert answer.told["sha"] == hashlib.sha256(BODY[:20_000]).hexdigest()

    run(loop, test())


@both_loops
def test_who_waits_hears_that_the_service_stops(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.attachments.arriving.LOOK_SECONDS", 0.02)

    async def test() -> None:
        heard = asyncio.Event()

        async def stopped(call: Call) -> Answer:
            stop = ConnectionResetError("as aiohttp says it at its end")
            asyncio.get_running_loop().call_later(0.05, call.payload.set_exception, stop)
            return await read(call)

        async with serving(noting(heard, stopped)) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head(len(BODY)) + BODY[:500])
            await heard.wait()
            writer.close()

    run(loop, test())


@both_loops
def test_a_refusal_is_heard_by_who_is_still_sending(loop: Loop) -> None:
    async def test() -> None:
        body = bytes(8_000_000)

        async with serving(refuse) as port:
            answer = await talk(port, head(len(body)), *cut(body))

        assert answer.status == 413
        assert answer.headers["Connection"] == "close"

    run(loop, test())


@both_loops
def test_a_connection_ends_with_a_body_that_aiohttp_did_not_read(loop: Loop) -> None:
    async def test() -> None:
        long = await posted(head(len(BODY)), BODY)
        async with serving(read) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(head(3) + b"abc")
                short = await read_answer(reader)
                assert short.told["sha"] == hashlib.sha256(b"abc").hexdigest()
            writer.close()

        assert long.headers["Connection"] == "close"

    run(loop, test())
