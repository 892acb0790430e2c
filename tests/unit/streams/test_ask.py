"""Asking and answering, in virtual time: one answer, many chunks, and reading on later."""

from __future__ import annotations

import asyncio

import pytest

from libs.errors import HandoffError, Unavailable
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.messages.lead import LeadDecision
from libs.messages.session import MintSession, SessionMinted
from libs.messages.streams import CHAT_REQUEST, SESSION_MINT
from libs.redis.link import RedisRefused
from libs.streams.memory import MemoryBroker
from libs.streams.port import Consumer, Delivery
from libs.streams.streams import Streams
from tests.unit.streams.virtual import EPOCH, LoopClock, in_virtual_time, streams

MINTED = SessionMinted(client_secret="s", expires_at=1, user="u", mode="own")
ASK = ChatRequest(shop="s", visitor="v_1", body="{}")


def pair() -> tuple[MemoryBroker, Streams, Streams]:
    broker = MemoryBroker(LoopClock())
    return broker, streams(broker, "gateway"), streams(broker, "service")


async def serve(service: Streams, consumer: Consumer) -> asyncio.Task[None]:
    return asyncio.create_task(service.consume(consumer, asyncio.Event()))


async def end(*parts: Streams | asyncio.Task[None]) -> None:
    for part in parts:
        if isinstance(part, Streams):
            await part.aclose()
        else:
            part.cancel()
            await asyncio.wait([part])


def test_each_asker_gets_their_own_answer() -> None:
    async def story() -> None:
        _, gateway, service = pair()

        async def mint(delivery: Delivery[MintSession]) -> None:
            await asyncio.sleep(5 - float(delivery.message.user))  # later questions first
            user = delivery.message.user
            await service.reply(
                delivery.reply_to,
                SessionMinted(client_secret="s", expires_at=1, user=user, mode="own"),
            )

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        wishes = [MintSession(shop="s", user=str(number)) for number in range(5)]
        answers = await asyncio.gather(*(gateway.ask(w, timeout_seconds=10) for w in wishes))

        assert [answer.user for answer in answers if isinstance(answer, SessionMinted)] == [
            "0", "1", "2", "3", "4",
        ]  # fmt: skip
        await end(serving, gateway, service)

    in_virtual_time(story())


def test_a_wish_carries_its_deadline_and_address() -> None:
    async def story() -> None:
        _, gateway, service = pair()
        seen: list[Delivery[MintSession]] = []

        async def mint(delivery: Delivery[MintSession]) -> None:
            seen.append(delivery)
            await service.reply(delivery.reply_to, MINTED)

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        assert await gateway.ask(MintSession(shop="s"), timeout_seconds=10) == MINTED

        assert seen[0].deadline == pytest.approx(EPOCH + 10, abs=1)
        assert seen[0].reply_to.startswith("reply.gateway-")
        await end(serving, gateway, service)

    in_virtual_time(story())


def test_no_answer_in_time_is_a_timeout_and_the_wish_stays() -> None:
    async def story() -> None:
        broker, gateway, service = pair()
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await gateway.ask(MintSession(shop="s"), timeout_seconds=10)

        assert asyncio.get_running_loop().time() - started == pytest.approx(10)
        assert (await broker.stats("session.mint:0")).unread == 1
        await end(gateway, service)

    in_virtual_time(story())


def test_a_wish_that_could_not_be_published_never_ends_as_one_that_is_in_the_stream() -> None:
    class Slow(MemoryBroker):
        async def add(self, lane: str, body: bytes) -> None:
            await asyncio.sleep(20)
            raise Unavailable("redis", f"{lane} took nothing")

    async def story() -> None:
        gateway = streams(Slow(LoopClock()), "gateway")

        with pytest.raises(Unavailable):
            await gateway.ask(MintSession(shop="s"), timeout_seconds=10)

        await end(gateway)

    in_virtual_time(story())


def test_a_late_or_doubled_answer_disturbs_nobody() -> None:
    async def story() -> None:
        _, gateway, service = pair()

        async def mint(delivery: Delivery[MintSession]) -> None:
            await asyncio.sleep(20 if delivery.message.user == "slow" else 0)
            await service.reply(delivery.reply_to, MINTED)
            await service.reply(delivery.reply_to, MINTED)

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        with pytest.raises(TimeoutError):
            await gateway.ask(MintSession(shop="s", user="slow"), timeout_seconds=10)
        await asyncio.sleep(30)

        assert await gateway.ask(MintSession(shop="s"), timeout_seconds=10) == MINTED
        await end(serving, gateway, service)

    in_virtual_time(story())


def test_replies_are_forgotten_once_read() -> None:
    async def story() -> None:
        broker, gateway, service = pair()

        async def mint(delivery: Delivery[MintSession]) -> None:
            await service.reply(delivery.reply_to, MINTED)

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        for _ in range(5):
            await gateway.ask(MintSession(shop="s"), timeout_seconds=10)
        await asyncio.sleep(1)

        assert not any(broker._answers.values())
        await end(serving, gateway, service)

    in_virtual_time(story())


@pytest.mark.parametrize("error", [Unavailable("redis", "connection lost"), RedisRefused("ERR")])
def test_an_asker_survives_a_flush_and_whatever_redis_says(error: HandoffError) -> None:
    async def story() -> None:
        broker, gateway, service = pair()

        async def mint(delivery: Delivery[MintSession]) -> None:
            await service.reply(delivery.reply_to, MINTED)

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        await gateway.ask(MintSession(shop="s"), timeout_seconds=10)
        broker.flush()
        whole = broker.pieces

        async def broken(*args: object, **more: object) -> list[tuple[str, bytes]]:
            raise error

        broker.pieces = broken  # type: ignore[method-assign, assignment]
        await asyncio.sleep(10)
        broker.pieces = whole  # type: ignore[method-assign]

        assert await gateway.ask(MintSession(shop="s"), timeout_seconds=10) == MINTED
        await end(serving, gateway, service)

    in_virtual_time(story())


@pytest.mark.parametrize("reply", [b"\x00 from the future", b'["\xff"]', b"\xff", b"[1, 2]"])
def test_a_reply_nobody_understands_is_skipped(reply: bytes) -> None:
    async def story() -> None:
        broker, gateway, service = pair()

        async def mint(delivery: Delivery[MintSession]) -> None:
            await broker.answer(delivery.reply_to.partition("/")[0], reply)
            await service.reply(delivery.reply_to, MINTED)

        serving = await serve(service, Consumer(SESSION_MINT, mint))
        assert await gateway.ask(MintSession(shop="s"), timeout_seconds=10) == MINTED
        await end(serving, gateway, service)

    in_virtual_time(story())


def chunk(data: str, *, last: bool = False) -> ChatChunk:
    return ChatChunk(data=data, last=last)


async def chat(service: Streams, pauses: float = 1) -> asyncio.Task[None]:
    async def answer(delivery: Delivery[ChatRequest]) -> None:
        for number in range(5):
            await service.reply(delivery.reply_to, chunk(str(number), last=number == 4))
            await asyncio.sleep(pauses)

    return await serve(service, Consumer(CHAT_REQUEST, answer))


def test_chunks_come_in_order_as_they_are_made_until_the_last() -> None:
    async def story() -> None:
        _, gateway, service = pair()
        chatting = await chat(service)
        loop = asyncio.get_running_loop()
        found = [
            (message.data, loop.time())
            async for _, message in gateway.ask_many(ASK, timeout_seconds=30)
            if isinstance(message, ChatChunk)
        ]

        assert [data for data, _ in found] == ["0", "1", "2", "3", "4"]
        assert found[4][1] - found[0][1] == pytest.approx(4, abs=0.1)
        await end(chatting, gateway, service)

    in_virtual_time(story())


@pytest.mark.parametrize("piece", [b"\x00 from the future", b'["\xff"]'])
def test_a_chunk_nobody_understands_ends_the_answer(piece: bytes) -> None:
    async def story() -> None:
        broker, gateway, service = pair()

        async def answer(delivery: Delivery[ChatRequest]) -> None:
            await service.reply(delivery.reply_to, chunk("0"))
            await broker.answer(delivery.reply_to, piece)

        serving = await serve(service, Consumer(CHAT_REQUEST, answer))
        chunks = gateway.ask_many(ASK, timeout_seconds=30)
        assert (await anext(chunks))[1] == chunk("0")
        with pytest.raises(Unavailable, match="newer"):
            await anext(chunks)
        await end(serving, gateway, service)

    in_virtual_time(story())


def test_another_gateway_reads_on_from_where_the_first_was() -> None:
    async def story() -> None:
        broker, gateway, service = pair()
        chatting = await chat(service)
        position, _ = await anext(gateway.ask_many(ASK, timeout_seconds=30))
        # The browser is gone; the answer goes on.
        await asyncio.sleep(60)
        other = streams(broker, "gateway-2")
        rest = [
            message.data
            async for _, message in other.ask_many(ASK, timeout_seconds=30, resume=position)
            if isinstance(message, ChatChunk)
        ]

        assert rest == ["1", "2", "3", "4"]
        assert (await broker.stats("chat.request:0")).unread == 0  # nothing was asked again
        await end(chatting, gateway, other, service)

    in_virtual_time(story())


def test_the_wait_for_each_chunk_is_bounded() -> None:
    async def story() -> None:
        _, gateway, service = pair()
        chatting = await chat(service, pauses=7)
        count = 0
        async for _ in gateway.ask_many(ASK, timeout_seconds=8):
            count += 1
        assert count == 5

        with pytest.raises(TimeoutError):
            async for _ in gateway.ask_many(ASK, timeout_seconds=6):
                pass
        await end(chatting, gateway, service)

    in_virtual_time(story())


def test_an_answer_of_one_piece_is_its_own_last() -> None:
    async def story() -> None:
        _, gateway, service = pair()

        async def refuse(delivery: Delivery[ChatRequest]) -> None:
            refused = ChatRefused(status=429, error="spend_cap", detail="Try later.")
            await service.reply(delivery.reply_to, refused)

        refusing = await serve(service, Consumer(CHAT_REQUEST, refuse))
        chunks = [c async for _, c in gateway.ask_many(ASK, timeout_seconds=30)]

        assert [type(c) for c in chunks] == [ChatRefused]
        await end(refusing, gateway, service)

    in_virtual_time(story())


@pytest.mark.parametrize(
    "position", ["x", "reply.gateway-1/0-0", "answer.a/0", "answer.a b/0-0", "answer.a/0-0\n"]
)
def test_a_position_from_outside_reaches_nothing_but_answers(position: str) -> None:
    async def story() -> None:
        _, gateway, service = pair()
        with pytest.raises(ValueError, match="position"):
            async for _ in gateway.ask_many(ASK, timeout_seconds=1, resume=position):
                pass
        await end(gateway, service)

    in_virtual_time(story())


@pytest.mark.parametrize("place", ["99999999999999999999-0", "0-18446744073709551616", "\u0660-0"])
def test_a_place_that_redis_would_not_take_is_none(place: str) -> None:
    async def story() -> None:
        _, gateway, service = pair()
        chatting = await chat(service)
        position, _ = await anext(gateway.ask_many(ASK, timeout_seconds=30))
        address, _, _ = position.partition("/")

        with pytest.raises(ValueError, match="position"):
            await anext(gateway.ask_many(ASK, timeout_seconds=1, resume=f"{address}/{place}"))
        await end(chatting, gateway, service)

    in_virtual_time(story())


def test_a_position_in_an_answer_that_is_gone_is_refused_at_once() -> None:
    """Nobody would ever write there: whoever reads on would wait for nothing."""

    async def story() -> None:
        broker, gateway, service = pair()
        chatting = await chat(service)
        position, _ = await anext(gateway.ask_many(ASK, timeout_seconds=30))
        broker._answers.clear()
        begun = asyncio.get_running_loop().time()

        with pytest.raises(ValueError, match="no longer kept"):
            await anext(gateway.ask_many(ASK, timeout_seconds=90, resume=position))
        assert asyncio.get_running_loop().time() - begun < 1
        await end(chatting, gateway, service)

    in_virtual_time(story())


def test_replying_to_nobody_does_nothing() -> None:
    async def story() -> None:
        broker, gateway, service = pair()
        await service.reply("", LeadDecision(thread_id="t", sent=False, reason="x"))

        assert broker._answers == {}
        await end(gateway, service)

    in_virtual_time(story())
