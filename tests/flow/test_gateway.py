"""What a browser meets: every route of the gateway over real HTTP, on a Redis in this process."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from multidict import CIMultiDict

from libs.identity.visitors import visitor_id, visitor_ids
from libs.leases.port import SentMark
from libs.leases.redis import RedisSentMarks
from libs.messages.chat import ChatChunk, ChatRefused, ChatRequest
from libs.messages.lead import ConsiderLead, LeadDecision, RecordSignal
from libs.messages.mail import LeadMailHeld, LeadMailSent
from libs.messages.session import MintSession, SessionMinted, SessionRefused
from libs.messages.streams import LEAD_CONSIDER
from services.gateway import chat
from services.gateway.openapi import OPERATIONS
from tests.gateway import JSON, KEYS, ORIGIN, SHOP, bearer, gateway, reply, until_limited

THREAD = "cthr_abc"
OWNER = visitor_id(KEYS[0], "u-1")
MINTED = SessionMinted(client_secret="secret", expires_at=1_790_000_600, user="u-1", mode="own")


def decision(reason: str, **details: Any) -> LeadDecision:
    return LeadDecision(thread_id=THREAD, sent=False, reason=reason, visitor=OWNER, **details)


async def post(
    url: str, body: object, headers: dict[str, str] | None = None
) -> tuple[int, Any, CIMultiDict[str]]:
    async with (
        ClientSession() as client,
        client.post(url, data=json.dumps(body), headers={**JSON, **(headers or {})}) as answer,
    ):
        return answer.status, await answer.json(), CIMultiDict(answer.headers)


async def get(url: str, **headers: str) -> tuple[int, bytes, CIMultiDict[str]]:
    named = {"Accept-Encoding": "identity"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        ClientSession(auto_decompress=False) as client,
        client.get(url, headers=named) as answer,
    ):
        return answer.status, await answer.read(), CIMultiDict(answer.headers)


DAY = 86_400
"""For a token made when the tests are collected, long before they run."""


class TestSession:
    async def test_mints_for_the_shop_of_the_origin(self, tmp_path: Path) -> None:
        async with gateway(tmp_path, behind={MintSession: reply(MINTED)}) as running:
            body = {"user": "u-1", "locale": "es", "pageUrl": "https://craigs.autos/a?b"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/session", body)

        assert status == 200
        assert answer == {
            "client_secret": "secret", "expires_at": 1_790_000_600, "user": "u-1", "mode": "own",
        }  # fmt: skip
        [wish] = running.seen
        assert isinstance(wish, MintSession)
        assert (wish.shop, wish.user, wish.locale) == (SHOP, "u-1", "es")

    async def test_a_refusal_keeps_its_status_and_says_when_to_come_back(
        self, tmp_path: Path
    ) -> None:
        refused = SessionRefused(
            status=503, error="session_unavailable", detail="Later.", retry_after_seconds=7
        )
        async with gateway(tmp_path, behind={MintSession: reply(refused)}) as running:
            status, answer, headers = await post(f"{running.url}/api/chatkit/session", {})

        assert (status, answer["error"], headers["Retry-After"]) == (
            503, "session_unavailable", "7",
        )  # fmt: skip

    async def test_the_eleventh_from_one_address_in_a_minute_must_wait(
        self, tmp_path: Path
    ) -> None:
        async with gateway(tmp_path, behind={MintSession: reply(MINTED)}) as running:
            url = f"{running.url}/api/chatkit/session"

            async def arrive() -> tuple[int, Any]:
                status, *said = await post(url, {})
                return status, said

            problem, headers = await until_limited(arrive, 10, status=200)

        assert problem["error"] == "rate_limited"
        assert int(headers["Retry-After"]) in range(1, 7)
        assert headers["RateLimit-Limit"] == "10"
        assert headers["RateLimit-Remaining"] == "0"
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        [line] = running.lines("rate_limit_exceeded")
        assert line["endpoint"] == "/api/chatkit/session"
        assert line["retry_after"] == int(headers["Retry-After"])


class TestLead:
    async def test_a_queued_trigger_is_in_the_stream(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            body = {"threadId": THREAD, "reason": "pagehide", "user": "u-1"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)
            [lane] = [s for s in await running.streams.oversight.stats(LEAD_CONSIDER) if s.unread]

        assert (status, answer["sent"], answer["reason"]) == (202, False, "queued")
        assert answer["lead_reason"] == "queued"
        assert lane.unread == 1

    @pytest.mark.parametrize(
        ("reason", "headers", "settings"),
        [
            ("pagehide", {}, {}),
            ("idle", {"Content-Type": "text/plain;charset=UTF-8"}, {}),
            ("idle", {}, {"ANSWER_SECONDS": "0"}),
        ],
        ids=["pagehide", "beacon", "no time to answer"],
    )
    async def test_who_cannot_wait_is_queued_though_an_answer_would_come_at_once(
        self, tmp_path: Path, reason: str, headers: dict[str, str], settings: dict[str, str]
    ) -> None:
        behind = {ConsiderLead: reply(decision("not_idle", known=False))}
        async with gateway(tmp_path, behind=behind, **settings) as running:
            body = {"threadId": THREAD, "reason": reason, "user": "u-1"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body, headers)

        assert (status, answer["sent"], answer["reason"]) == (202, False, "queued")

    async def test_what_is_not_decided_in_time_is_queued(self, tmp_path: Path) -> None:
        async with gateway(tmp_path, ANSWER_SECONDS="0.05") as running:
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", {"threadId": THREAD})

        assert (status, answer["reason"]) == (202, "queued")

    async def test_the_wish_carries_who_where_and_what(self, tmp_path: Path) -> None:
        behind = {ConsiderLead: reply(decision("not_idle"))}
        async with gateway(tmp_path, behind=behind) as running:
            body = {
                "threadId": THREAD, "reason": "quiet", "user": "u-1", "locale": "es",
                "pageUrl": "https://craigs.autos/x", "unknown": 1,
                "attribution": {"gclid": "g", "utm_source": "Größe", "referrer": None},
            }  # fmt: skip
            await post(f"{running.url}/api/chatkit/lead", body, {"X-Request-ID": "req-1"})

        [wish] = running.seen
        assert isinstance(wish, ConsiderLead)
        assert wish.reason == "other", "`quiet` is ours to say, not a browser's"
        assert (wish.shop, wish.visitor, wish.request_id) == (SHOP, OWNER, "req-1")
        assert wish.also == (visitor_id(KEYS[1], "u-1"),)
        assert wish.attribution
        assert (wish.attribution.gclid, wish.attribution.utm_source) == ("g", "Größe")
        assert wish.attribution.referrer == ""

    async def test_the_visitor_learns_the_details(self, tmp_path: Path) -> None:
        told = decision("not_idle", last_activity_at=1.0, idle_seconds=300.0, scheduled_for=306.0)
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            body = {"threadId": THREAD, "user": "u-1"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)

        assert status == 200
        assert answer["reason"] == "not_idle"
        assert answer["retry_scheduled"] is True
        assert (answer["last_activity_at"], answer["scheduled_for"]) == (1.0, 306.0)

    async def test_a_visitor_under_an_older_site_key_is_still_the_same(
        self, tmp_path: Path
    ) -> None:
        told = LeadDecision(
            thread_id=THREAD, sent=False, reason="held", visitor=visitor_id(KEYS[1], "u-1")
        )
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            body = {"threadId": THREAD, "user": "u-1"}
            _, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)

        assert answer["reason"] == "held"

    @pytest.mark.parametrize(
        "told",
        [
            decision("not_ready", missing_info=("phone",)),
            LeadMailSent(thread_id=THREAD, reason="idle", sent_at=1.0, visitor=OWNER),
            LeadMailHeld(thread_id=THREAD, reason="held", visitor=OWNER),
        ],
    )
    @pytest.mark.parametrize("user", [None, "somebody-else"])
    async def test_a_stranger_learns_nothing(
        self, tmp_path: Path, told: Any, user: str | None
    ) -> None:
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            body = {"threadId": THREAD, "user": user}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)

        assert status == 200
        assert answer.pop("request_id")
        assert answer == {
            "ok": True, "sent": False, "reason": "accepted", "lead_reason": "accepted",
            "thread_id": THREAD,
        }  # fmt: skip

    async def test_a_sent_mail_is_told_with_the_reason_that_was_asked(self, tmp_path: Path) -> None:
        told = LeadMailSent(thread_id=THREAD, reason="chat_closed", sent_at=5.0, visitor=OWNER)
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            body = {"threadId": THREAD, "reason": "chat_closed", "user": "u-1"}
            _, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)

        assert (answer["sent"], answer["reason"], answer["sent_at"]) == (True, "chat_closed", 5.0)

    async def test_an_unknown_thread_is_404(self, tmp_path: Path) -> None:
        told = LeadDecision(thread_id=THREAD, sent=False, reason="unknown_thread", known=False)
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            body = {"threadId": THREAD, "user": "u-1"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)

        assert (status, answer["error"]) == (404, "unknown_thread")

    async def test_a_sent_thread_is_answered_from_redis_alone(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            mark = SentMark(visitor=OWNER, sent_at=9.5)
            await RedisSentMarks(running.streams.redis).mark(SHOP, THREAD, mark)
            body = {"threadId": THREAD, "reason": "pagehide", "user": "u-1"}
            status, answer, _ = await post(f"{running.url}/api/chatkit/lead", body)
            stats = await running.streams.oversight.stats(LEAD_CONSIDER)

        assert (status, answer["sent"], answer["already_sent"]) == (200, True, True)
        assert answer["sent_at"] == 9.5
        assert not any(lane.unread for lane in stats)

    @pytest.mark.parametrize("reason", ["pagehide", "idle"])
    async def test_a_stranger_cannot_tell_whether_a_thread_is_sent(
        self, tmp_path: Path, reason: str
    ) -> None:
        told = decision("not_idle")
        body = {"threadId": THREAD, "reason": reason, "user": "u-2"}
        async with gateway(tmp_path, behind={ConsiderLead: reply(told)}) as running:
            url = f"{running.url}/api/chatkit/lead"
            before = await post(url, body)
            mark = SentMark(visitor=OWNER, sent_at=9.5)
            await RedisSentMarks(running.streams.redis).mark(SHOP, THREAD, mark)
            after = await post(url, body)

        for _, answer, _ in (before, after):
            del answer["request_id"]
        assert before[:2] == after[:2]

    async def test_64_tabs_at_once_pass(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            body = {"threadId": THREAD, "reason": "pagehide", "user": "u-1"}
            url = f"{running.url}/api/chatkit/lead"
            answers = await asyncio.gather(*(post(url, body) for _ in range(64)))

        assert {status for status, _, _ in answers} == {202}


class TestWho:
    async def test_a_bearer_decides(self, tmp_path: Path) -> None:
        behind = {ConsiderLead: reply(decision("held"))}
        async with gateway(tmp_path, behind=behind) as running:
            url = f"{running.url}/api/chatkit/lead"
            _, answer, _ = await post(url, {"threadId": THREAD}, bearer("u-1"))

        assert answer["reason"] == "held"

    async def test_a_bearer_and_another_user_are_refused(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            url = f"{running.url}/api/chatkit/lead"
            body = {"threadId": THREAD, "user": "u-2"}
            status, answer, _ = await post(url, body, bearer("u-1"))

        assert (status, answer["error"]) == (401, "identity_mismatch")

    async def test_a_trigger_after_the_session_has_ended_still_counts(self, tmp_path: Path) -> None:
        behind = {ConsiderLead: reply(decision("held"))}
        async with gateway(tmp_path, behind=behind) as running:
            url = f"{running.url}/api/chatkit/lead"
            body = {"threadId": THREAD, "user": "u-1"}
            status, answer, _ = await post(url, body, bearer("u-1", seconds=-5))

        assert (status, answer["reason"]) == (200, "held")

    @pytest.mark.parametrize(
        ("headers", "error"),
        [
            ({}, "missing_session"),
            ({"Authorization": "Basic dTpw"}, "missing_session"),
            ({"Authorization": "Bearer nonsense"}, "invalid_session"),
            (bearer(seconds=-5), "token_expired"),
            (bearer(shop="elsewhere", seconds=DAY), "invalid_session"),
        ],
    )
    async def test_the_chat_needs_a_session_of_this_shop(
        self, tmp_path: Path, headers: dict[str, str], error: str
    ) -> None:
        async with gateway(tmp_path) as running:
            status, answer, _ = await post(
                f"{running.url}/api/chatkit", {"type": "threads.list"}, headers
            )

        assert (status, answer["error"]) == (401, error)


class TestSignal:
    async def test_a_signal_is_kept_with_its_visitor(self, tmp_path: Path) -> None:
        async def keep(*_: Any) -> None: ...

        async with gateway(tmp_path, behind={RecordSignal: keep}) as running:
            body = {
                "event": "click_call", "user": "u-1", "pageUrl": "https://craigs.autos/",
                "locale": "en", "clickUrl": "tel:", "provider": "link",
            }  # fmt: skip
            status, answer, _ = await post(
                f"{running.url}/api/lead-signal", body, {"Content-Type": "text/plain"}
            )
            while not running.seen:
                await asyncio.sleep(0)

        assert (status, answer) == (200, {"ok": True})
        [signal] = running.seen
        assert isinstance(signal, RecordSignal)
        assert (signal.event, signal.visitor, signal.click_url) == ("click_call", OWNER, "tel:")
        assert signal.also == (visitor_id(KEYS[1], "u-1"),)
        assert signal.at > 0


class TestChat:
    async def test_chunks_become_events_one_by_one(self, tmp_path: Path) -> None:
        go_on = asyncio.Event()

        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data='{"n":1}'))
            await go_on.wait()
            await streams.reply(reply_to, ChatChunk(data='{"n":2}'))
            await streams.reply(reply_to, ChatChunk(data="", last=True))

        async with (
            gateway(tmp_path, behind={ChatRequest: speak}) as running,
            ClientSession() as client,
            client.post(
                f"{running.url}/api/chatkit",
                data='{"type":"threads.create"}',
                headers={**JSON, **bearer(), "X-Request-ID": "req-7"},
            ) as answer,
        ):
            first = await answer.content.readuntil(b"\n\n")
            go_on.set()
            rest = await answer.content.read()

        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["X-Request-ID"] == "req-7"
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Cache-Control"] == "no-store"
        assert first.splitlines()[1] == b'data: {"n":1}'
        assert rest.splitlines()[1] == b'data: {"n":2}'
        [wish] = running.seen
        assert isinstance(wish, ChatRequest)
        assert (wish.shop, wish.visitor) == (SHOP, OWNER)
        assert wish.body == '{"type":"threads.create"}'

    async def test_what_does_not_stream_is_json(self, tmp_path: Path) -> None:
        whole = ChatChunk(data='{"data":[]}', streaming=False, last=True)
        async with gateway(tmp_path, behind={ChatRequest: reply(whole)}) as running:
            status, answer, headers = await post(
                f"{running.url}/api/chatkit", {"type": "threads.list"}, bearer()
            )

        assert (status, answer) == (200, {"data": []})
        assert headers["Content-Type"] == "application/json"

    async def test_a_chat_request_knows_what_the_session_knows(self, tmp_path: Path) -> None:
        heard: list[ChatRequest] = []

        async def note(wish: Any, reply_to: str, streams: Any) -> None:
            heard.append(wish)
            await streams.reply(reply_to, ChatChunk(data="{}", streaming=False, last=True))

        async with gateway(tmp_path, behind={ChatRequest: note}) as running:
            asked = {"type": "threads.list"}
            page = f"{ORIGIN}/seats"
            await post(f"{running.url}/api/chatkit", asked, bearer(locale="es", page_url=page))

        [wish] = heard
        assert (wish.locale, wish.page_url) == ("es", page)
        assert (wish.visitor, *wish.earlier) == visitor_ids(KEYS, "u-1")

    async def test_a_refusal_is_an_envelope(self, tmp_path: Path) -> None:
        no = ChatRefused(status=404, error="not_found", detail="No such chat.")
        async with gateway(tmp_path, behind={ChatRequest: reply(no)}) as running:
            status, answer, _ = await post(
                f"{running.url}/api/chatkit", {"type": "threads.get_by_id"}, bearer()
            )

        assert (status, answer["error"], answer["message"]) == (404, "not_found", "No such chat.")

    async def test_an_event_holds_its_json_in_one_piece(self, tmp_path: Path) -> None:
        said = json.dumps({"text": "a\u2028b\x85c\x0bd\ne"}, ensure_ascii=False)

        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data=said, last=True))

        text = await self._streamed(tmp_path, speak)

        [line] = [line for line in text.split("\n") if line.startswith("data: ")]
        assert json.loads(line.removeprefix("data: ")) == json.loads(said)

    async def test_an_answer_that_never_ends_is_ended_with_a_word(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chat, "ANSWER_SECONDS", 1)

        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data='{"n":1}'))

        text = await self._streamed(tmp_path, speak)

        last = json.loads(text.strip().split("\n")[-1].removeprefix("data: "))
        assert last == {"type": "error", "code": "stream.error", "allow_retry": True}

    async def test_a_refusal_in_mid_answer_is_an_error_event(self, tmp_path: Path) -> None:
        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data='{"n":1}'))
            no = ChatRefused(status=503, error="busy", detail="No.", request_id="req-8")
            await streams.reply(reply_to, no)

        text = await self._streamed(tmp_path, speak)

        assert '"type":"error"' in text

    async def _streamed(self, data: Path, speak: Any) -> str:
        async with (
            gateway(data, behind={ChatRequest: speak}) as running,
            ClientSession() as client,
            client.post(
                f"{running.url}/api/chatkit",
                data='{"type":"threads.create"}',
                headers={**JSON, **bearer(), "X-Request-ID": "req-8"},
            ) as answer,
        ):
            body = await answer.read()
            assert running.lines("unhandled_exception") == []
            return body.decode()

    async def test_a_browser_that_goes_away_stops_nothing_and_can_read_on(
        self, tmp_path: Path
    ) -> None:
        gone, spoken = asyncio.Event(), asyncio.Event()

        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data='{"n":1}'))
            await gone.wait()
            for number in (2, 3):
                await streams.reply(reply_to, ChatChunk(data=f'{{"n":{number}}}'))
            await streams.reply(reply_to, ChatChunk(data="", last=True))
            spoken.set()

        async with gateway(tmp_path, behind={ChatRequest: speak}) as running:
            url, body = f"{running.url}/api/chatkit", '{"type":"threads.create"}'
            async with ClientSession() as client:
                answer = await client.post(url, data=body, headers={**JSON, **bearer()})
                event = await answer.content.readuntil(b"\n\n")
                answer.close()
            gone.set()
            await spoken.wait()
            position = event.split(b"\n")[0].removeprefix(b"id: ").decode()
            again = {**JSON, **bearer(), "Last-Event-ID": position}
            async with (
                ClientSession() as client,
                client.post(url, data=body, headers=again) as answer,
            ):
                rest = await answer.text()

        assert [line for line in rest.splitlines() if line.startswith("data")] == [
            'data: {"n":2}', 'data: {"n":3}',
        ]  # fmt: skip
        assert len(running.seen) == 1, "reading on asks nothing anew"

    async def test_nobody_reads_on_in_an_answer_to_somebody_else(self, tmp_path: Path) -> None:
        async def speak(_: Any, reply_to: str, streams: Any) -> None:
            await streams.reply(reply_to, ChatChunk(data='{"said":"to Ana"}'))
            await streams.reply(reply_to, ChatChunk(data="", last=True))

        async with gateway(tmp_path, behind={ChatRequest: speak}) as running:
            url, body = f"{running.url}/api/chatkit", '{"type":"threads.create"}'
            async with ClientSession() as client:
                async with client.post(
                    url, data=body, headers={**JSON, **bearer("u-ana")}
                ) as first:
                    said = (await first.content.readline()).decode()
                address, _, _ = said.removeprefix("id: ").rpartition("/")
                for whose, status in (("u-ben", 400), ("u-ana", 200)):
                    headers = {**JSON, **bearer(whose), "Last-Event-ID": f"{address}/0-0"}
                    async with client.post(url, data=body, headers=headers) as answer:
                        assert answer.status == status
                        assert ("to Ana" in await answer.text()) == (status == 200)

    @pytest.mark.parametrize(
        "position",
        [
            "lead.consider/0-0",
            "x",
            "answer.a/1-1",
            f"answer.a.{'0' * 24}/1-1",
            "answer.a/1-1\u00e9",
        ],
    )
    async def test_a_position_that_we_did_not_give_is_refused(
        self, tmp_path: Path, position: str
    ) -> None:
        async with gateway(tmp_path) as running:
            headers = {**bearer(), "Last-Event-ID": position}
            status, answer, _ = await post(
                f"{running.url}/api/chatkit", {"type": "threads.list"}, headers
            )

        assert (status, answer["error"]) == (400, "invalid_field")


class TestFront:
    async def test_both_configurations_name_our_routes(self, tmp_path: Path) -> None:
        async with gateway(tmp_path, PUBLIC_URL="https://chat.example/") as running:
            _, older, _ = await get(f"{running.url}/amplify_outputs.json", Origin=ORIGIN)
            _, newer, headers = await get(f"{running.url}/handoff.json?locale=ar", Origin=ORIGIN)

        told = json.loads(older)
        assert told["custom"] == {
            "chatkit_session_url": "https://chat.example/api/chatkit/session",
            "chatkit_lead_email_url": "https://chat.example/api/chatkit/lead",
            "chatkit_attachment_upload_url": "https://chat.example/api/chatkit/attachment",
            "chatkit_sms_link_url": "https://chat.example/api/message-link",
            "chatkit_lead_signal_url": "https://chat.example/api/lead-signal",
        }
        chat = json.loads(newer)["chat"]
        assert (chat["locale"], chat["dir"], chat["mode"]) == ("ar", "rtl", "own")
        assert chat["texts"]["greeting"]
        assert headers["Access-Control-Allow-Origin"] == ORIGIN

    async def test_the_script_is_cacheable_zipped_and_loadable_from_anywhere(
        self, tmp_path: Path
    ) -> None:
        async with gateway(tmp_path) as running:
            url = f"{running.url}/handoff.js"
            status, body, headers = await get(url)
            _, zipped, zipped_headers = await get(url, Accept_Encoding="gzip, br")
            again, nothing, _ = await get(url, If_None_Match=headers["ETag"])

        assert (status, again, nothing) == (200, 304, b"")
        assert headers["Content-Type"].startswith("text/javascript")
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["Cache-Control"] == "no-cache"
        assert zipped_headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped) == body

    async def test_the_demo_page_is_only_on_one_machine(self, tmp_path: Path) -> None:
        async with gateway(tmp_path / "a") as running:
            elsewhere, _, _ = await get(f"{running.url}/")
        async with gateway(tmp_path / "b", one_machine=True) as running:
            here, page, headers = await get(f"{running.url}/")

        assert (elsewhere, here) == (404, 200)
        assert b"<!doctype html>" in page.lower()
        assert "default-src 'self'" in headers["Content-Security-Policy"]


async def test_openapi_json_describes_every_route_and_no_other(tmp_path: Path) -> None:
    async with gateway(tmp_path) as running:
        known = {(route.method, route.path) for route in running.edge.routes}

    assert known - {("GET", "/inbox")} == set(OPERATIONS), "/inbox is for the demo page alone"


class TestOps:
    async def test_health_names_what_is_up(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            status, body, _ = await get(f"{running.url}/health")
            live, _, _ = await get(f"{running.url}/health/live")

        assert (status, live) == (200, 200)
        told = json.loads(body)
        assert (told["status"], told["database"], told["redis"]) == ("ok", "connected", "connected")
        assert told["uptime_seconds"] >= 0

    async def test_numbers_are_true_in_both_forms(self, tmp_path: Path) -> None:
        async with gateway(tmp_path, LIMIT_SIGNALS_PER_ADDRESS="1/60") as running:
            signal = {"event": "click_call"}
            for _ in range(3):
                await post(f"{running.url}/api/lead-signal", signal)
            await get(f"{running.url}/nothing")
            _, body, _ = await get(f"{running.url}/metrics")
            _, text, headers = await get(f"{running.url}/metrics", Accept="text/plain")

        told = json.loads(body)
        assert told["total_requests"] == 4
        assert told["rate_limit_hits"] == 2
        assert told["error_count"] == 0
        assert headers["Content-Type"].startswith("text/plain")
        lines = text.decode().splitlines()
        answered = 'handoff_http_requests_total{listener="gateway",route='
        assert answered + '"lead_signal",status="200"} 1' in lines
        assert answered + '"lead_signal",status="429"} 2' in lines
        assert answered + '"none",status="404"} 1' in lines
        assert 'handoff_rate_limited_total{limit="signals_per_address"} 2' in lines


class TestLog:
    async def test_one_line_a_request_and_nothing_personal(self, tmp_path: Path) -> None:
        async with gateway(tmp_path) as running:
            body = {
                "threadId": THREAD, "reason": "pagehide", "user": "secret-user-id",
                "pageUrl": "https://craigs.autos/?phone=4085550176",
            }  # fmt: skip
            await post(f"{running.url}/api/chatkit/lead", body, {"X-Request-ID": "req-9"})

        [line] = running.lines("request")
        assert line["request_id"] == "req-9"
        assert (line["route"], line["status"], line["outcome"]) == ("lead", 202, "queued")
        assert (line["thread_id"], line["shop"], line["service"]) == (THREAD, SHOP, "gateway")
        assert line["seconds"] > 0
        text = running.log_text.getvalue()
        assert "secret-user-id" not in text
        assert "4085550176" not in text
        assert "127.0.0.1" not in text
