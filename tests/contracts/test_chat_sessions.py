"""Whoever gives out chat sessions: our own, OpenAI (on loopback), and the fake for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import msgspec
import pytest

from libs.identity.sessions import Session, read_session_token
from libs.shops.profile import load_shops
from services.session.adapters import hosted
from services.session.adapters.hosted import HostedChatSessions
from services.session.adapters.own import OwnChatSessions
from services.session.fakes import ScriptedChatSessions
from services.session.ports import CannotMint, ChatSessions, Wanted
from tests.clock import HandClock
from tests.openai_server import CutOff, Garbage, Hang, OpenAIServer, Status, openai_server

KEYS = ("k" * 32,)
NOW = 1_790_000_000.0
"""A Monday, 7:13 in the morning at the shop."""
WANTED = Wanted(
    shop=load_shops("deploy/shops").default,
    visitors=("v_new", "v_old"),
    locale="es",
    page_url="https://craigs.autos/seats",
)


class ChatSessionsContract:
    async def test_gives_a_secret_that_ends_within_ten_minutes(
        self, sessions: ChatSessions
    ) -> None:
        ticket = await sessions.create(WANTED)

        assert ticket.client_secret
        assert ticket.expires_at > 0

    async def test_names_its_mode(self, sessions: ChatSessions) -> None:
        assert sessions.mode in {"hosted", "own"}

    async def test_every_secret_is_of_use_to_its_visitor_only(self, sessions: ChatSessions) -> None:
        other = Wanted(shop=WANTED.shop, visitors=("v_else",), locale="en", page_url="")

        first, second = await asyncio.gather(sessions.create(WANTED), sessions.create(other))

        assert first.client_secret != second.client_secret


class TestOwn(ChatSessionsContract):
    @pytest.fixture
    def sessions(self) -> ChatSessions:
        return OwnChatSessions(KEYS, HandClock(NOW))

    async def test_the_secret_is_our_signed_token(self, sessions: ChatSessions) -> None:
        ticket = await sessions.create(WANTED)

        assert read_session_token(KEYS, ticket.client_secret, NOW) == Session(
            shop="craigs",
            visitors=("v_new", "v_old"),
            expires=int(NOW) + 600,
            locale="es",
            page_url="https://craigs.autos/seats",
        )

    async def test_a_page_too_long_for_a_token_is_left_out_whole(
        self, sessions: ChatSessions
    ) -> None:
        page = "https://craigs.autos/?" + "a" * 2000
        ticket = await sessions.create(msgspec.structs.replace(WANTED, page_url=page))
        session = read_session_token(KEYS, ticket.client_secret, NOW)

        assert isinstance(session, Session)
        assert (session.visitor, session.page_url) == ("v_new", "")


class TestScripted(ChatSessionsContract):
    @pytest.fixture
    def sessions(self) -> ChatSessions:
        return ScriptedChatSessions(HandClock(NOW))


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.mark.slow
class TestHosted(ChatSessionsContract):
    @pytest.fixture
    async def sessions(self, openai: OpenAIServer) -> AsyncIterator[ChatSessions]:
        from openai import AsyncOpenAI

        async with AsyncOpenAI(base_url=openai.url, api_key="sk-test") as client:
            yield HostedChatSessions(client, "wf_1", HandClock(NOW))

    async def test_user_says_whose_visitor_it_is_where_there_are_several_shops(
        self, openai: OpenAIServer, sessions: HostedChatSessions
    ) -> None:
        await replace(sessions, alone=False).create(WANTED)

        assert openai.seen("sessions")[0].body["user"] == "v_new.craigs"

    async def test_speaks_english_where_the_page_told_no_language(
        self, openai: OpenAIServer, sessions: ChatSessions
    ) -> None:
        await sessions.create(msgspec.structs.replace(WANTED, locale=""))

        assert openai.seen("sessions")[0].body["workflow"]["state_variables"]["locale"] == "en"

    async def test_sends_every_field(self, openai: OpenAIServer, sessions: ChatSessions) -> None:
        await sessions.create(WANTED)

        assert openai.seen("sessions")[0].body == {
            "user": "v_new",
            "workflow": {
                "id": "wf_1",
                "state_variables": {
                    "locale": "es",
                    "page_url": "https://craigs.autos/seats",
                    "shop_timezone": "America/Los_Angeles",
                    "shop_local_weekday": "Monday",
                    "shop_local_date": "2026-09-21",
                    "shop_local_time_24h": "07:13",
                    "shop_is_open_now": False,
                    "shop_closes_at": "",
                    "shop_next_open_day": "Monday",
                    "shop_next_open_time": "8:00 AM",
                    "as_of": "2026-09-21T07:13:20-07:00",
                },
            },
            "expires_after": {"anchor": "created_at", "seconds": 600},
            "rate_limits": {"max_requests_per_1_minute": 10},
            "chatkit_configuration": {
                "file_upload": {"enabled": True, "max_file_size": 12, "max_files": 7},
                "history": {"enabled": True, "recent_threads": 20},
            },
        }

    async def test_asks_just_as_the_sdks_own_method_would(
        self, openai: OpenAIServer, sessions: ChatSessions
    ) -> None:
        from openai import AsyncOpenAI

        await sessions.create(WANTED)
        ours = openai.seen("sessions")[0]
        async with AsyncOpenAI(base_url=openai.url, api_key="sk-test") as client:
            await client.beta.chatkit.sessions.create(**ours.body)
        theirs = openai.seen("sessions")[1]

        told = ("openai-beta", "authorization", "content-type", "accept")
        assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
        assert [ours.headers.get(name) for name in told] == [
            theirs.headers.get(name) for name in told
        ]

    @pytest.mark.parametrize(("characters", "kept"), [(512, True), (513, False)])
    async def test_a_page_too_long_for_a_session_is_left_out_whole(
        self, openai: OpenAIServer, sessions: ChatSessions, *, characters: int, kept: bool
    ) -> None:
        page = "https://x.test/".ljust(characters, "a")

        await sessions.create(msgspec.structs.replace(WANTED, page_url=page))

        sent = openai.seen("sessions")[0].body["workflow"]["state_variables"]["page_url"]
        assert sent == (page if kept else "")

    @pytest.mark.parametrize(
        ("status", "code", "wait"),
        [
            (400, "invalid_request_error", 60),
            (401, "invalid_api_key", 60),
            (403, "unsupported_country_region_territory", 60),
            (404, "not_found", 60),
            (429, "rate_limit_exceeded", 5),
            (500, "server_error", 5),
            (503, "overloaded", 5),
        ],
    )
    async def test_says_why_it_was_refused(
        self, openai: OpenAIServer, sessions: ChatSessions, status: int, code: str, wait: float
    ) -> None:
        openai.fail("sessions", Status(status))

        with pytest.raises(CannotMint) as caught:
            await sessions.create(WANTED)

        problem = caught.value
        assert (problem.status, problem.code, problem.retry_after_seconds) == (status, code, wait)
        assert "sk-" not in str(problem)
        assert len(openai.seen("sessions")) == 1

    @pytest.mark.parametrize(("asked", "given"), [(7, 7), (99_999, 600), (-1, 5)])
    async def test_waits_as_long_as_upstream_says_within_reason(
        self, openai: OpenAIServer, sessions: ChatSessions, asked: float, given: float
    ) -> None:
        openai.fail("sessions", Status(429, retry_after=asked))

        with pytest.raises(CannotMint) as caught:
            await sessions.create(WANTED)

        assert caught.value.retry_after_seconds == given

    @pytest.mark.parametrize("failure", [CutOff(), Garbage(), Garbage("[1]"), Garbage("{}")])
    async def test_a_broken_answer_is_no_session(
        self, openai: OpenAIServer, sessions: ChatSessions, failure: CutOff | Garbage
    ) -> None:
        openai.fail("sessions", failure)

        with pytest.raises(CannotMint) as caught:
            await sessions.create(WANTED)

        assert caught.value.retry_after_seconds == 5

    async def test_gives_up_on_a_server_that_hangs(
        self, openai: OpenAIServer, sessions: ChatSessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hosted, "CALL_SECONDS", 0.1)
        openai.fail("sessions", Hang())

        with pytest.raises(CannotMint) as caught:
            await sessions.create(WANTED)

        assert caught.value.code in {"timeout", "APITimeoutError"}
