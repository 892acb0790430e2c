"""OpenAI on loopback: a real HTTP server that keeps its documented shapes and can fail like it.

    with openai_server() as openai:
        client = AsyncOpenAI(base_url=openai.url, api_key="sk-test")

        openai.add_thread("cthr_1", user="v_abc", items=[user_message("Hi"), ...], title="Seats")
        openai.answers.append(Text('{"customer_name": ...}'))  # the next Responses answer
        openai.model = lambda body: Text(...)                  # or every one, from the request
        openai.fail("responses", Status(429, retry_after=7), times=2)
        openai.fail("items", Hang()); openai.fail("sessions", CutOff())
        openai.endless = True                                  # `has_more` for ever
        openai.models["gpt-x"] = "2026-12-01"                  # its shutdown_date

        openai.requests        # all it got: route, method, path, query, headers, body
        openai.seen("responses")

Routes: sessions, cancel, thread, threads, items, delete, responses, models. Without a script the
model answers the emptiest JSON that the request's schema allows, or a short sentence. Strict
schemas that OpenAI would refuse are refused with 400. It lives in a thread of its own, so it works
for sync and async tests alike; `python -m tests.openai_server PORT` runs one alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.openai_shapes import (
    Answer,
    Json,
    Text,
    error,
    fresh,
    least_instance,
    loose_places,
    response,
    stream_events,
)


@dataclass(frozen=True)
class Status:
    """A documented error answer."""

    code: int
    retry_after: float | None = None


@dataclass(frozen=True)
class Hang:
    """No answer for this long (or until the server stops), or no more after some events."""

    seconds: float = 30
    after_events: int = 0


@dataclass(frozen=True)
class CutOff:
    """The connection ends in the middle of the body, or of the event stream."""

    after_events: int = 0
    """How many events of an answer of ours come whole before that."""


@dataclass(frozen=True)
class Garbage:
    """200 with a body that is not the documented JSON."""

    body: str = "<html>502 Bad Gateway</html>"


Failure = Status | Hang | CutOff | Garbage


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class OpenAIServer:
    url: str = ""
    requests: list[Seen] = field(default_factory=list)
    threads: dict[str, Json] = field(default_factory=dict)
    items: dict[str, list[Json]] = field(default_factory=dict)
    sessions: dict[str, Json] = field(default_factory=dict)
    models: dict[str, str | int | None] = field(
        default_factory=lambda: {"gpt-5.2-2025-12-11": None}
    )
    answers: deque[Answer] = field(default_factory=deque)
    model: Callable[[Json], Answer] | None = None
    endless: bool = False
    without_last_id: bool = False
    """Lists leave out where they ended."""
    delay_seconds: float = 0.0
    """How long every answer takes."""
    failures: dict[str, deque[Failure]] = field(default_factory=lambda: defaultdict(deque))

    def fail(self, route: str, failure: Failure, *, times: int = 1) -> None:
        """The next `times` requests of this route meet this."""
        self.failures[route].extend([failure] * times)

    def seen(self, route: str) -> list[Seen]:
        return [request for request in self.requests if request.route == route]

    def add_thread(
        self, thread_id: str, *, user: str, items: list[Json], title: str | None = None,
        created_at: int = 1_790_000_000,
    ) -> None:  # fmt: skip
        """Items oldest first; their thread is filled in, and their time where it is 0."""
        self.threads[thread_id] = {
            "id": thread_id, "object": "chatkit.thread", "created_at": created_at, "user": user,
            "title": title, "status": {"type": "active"},
        }  # fmt: skip
        self.items[thread_id] = [
            {**item, "thread_id": thread_id, "created_at": item["created_at"] or created_at + index}
            for index, item in enumerate(items)
        ]

    def application(self) -> web.Application:
        app = web.Application()
        for method, path, route, handler in (
            ("POST", "/v1/chatkit/sessions", "sessions", self._create_session),
            ("POST", "/v1/chatkit/sessions/{id}/cancel", "cancel", self._cancel_session),
            ("GET", "/v1/chatkit/threads", "threads", self._list_threads),
            ("GET", "/v1/chatkit/threads/{id}", "thread", self._retrieve_thread),
            ("DELETE", "/v1/chatkit/threads/{id}", "delete", self._delete_thread),
            ("GET", "/v1/chatkit/threads/{id}/items", "items", self._list_items),
            ("POST", "/v1/responses", "responses", self._respond),
            ("GET", "/v1/models", "models", self._list_models),
            ("GET", "/v1/models/{id}", "models", self._retrieve_model),
        ):
            app.router.add_route(method, path, self._guarded(route, handler))
        return app

    def _guarded(
        self, route: str, handler: Callable[[web.Request, Any], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = await _read_json(request)
            self.requests.append(
                Seen(
                    route, request.method, request.path, dict(request.query),
                    {name.lower(): value for name, value in request.headers.items()}, body,
                )
            )  # fmt: skip
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if self.failures[route]:
                return await _fail(request, body, self.failures[route].popleft())
            if not request.headers.get("Authorization", "").startswith("Bearer sk-"):
                return refuse(401)
            if "/chatkit/" in request.path and "chatkit_beta=v1" not in request.headers.get(
                "OpenAI-Beta", ""
            ):
                return refuse(400, "You must provide the 'OpenAI-Beta' header: chatkit_beta=v1.")
            return await handler(request, body)

        return answer

    async def _create_session(self, request: web.Request, body: Json) -> web.StreamResponse:
        if wrong := list(_session_mistakes(body)):
            return refuse(400, "; ".join(wrong))
        seconds = body.get("expires_after", {}).get("seconds", 600)
        rate = body.get("rate_limits", {}).get("max_requests_per_1_minute", 10)
        asked = body.get("chatkit_configuration", {})
        session = {
            "id": fresh("cksess"), "object": "chatkit.session", "user": body["user"],
            "client_secret": fresh("ek_loopback_secret"), "expires_at": int(time.time()) + seconds,
            "max_requests_per_1_minute": rate, "status": "active",
            "rate_limits": {"max_requests_per_1_minute": rate},
            "workflow": {
                "version": None, "tracing": {"enabled": True}, "state_variables": None,
                **body["workflow"],
            },
            "chatkit_configuration": {
                "automatic_thread_titling": {"enabled": True},
                "file_upload": {"enabled": False, **asked.get("file_upload", {})},
                "history": {"enabled": True, "recent_threads": None, **asked.get("history", {})},
            },
        }  # fmt: skip
        self.sessions[session["id"]] = session
        return web.json_response(session)

    async def _cancel_session(self, request: web.Request, body: Any) -> web.StreamResponse:
        session = self.sessions.get(request.match_info["id"])
        if session is None:
            return refuse(404)
        session["status"] = "cancelled"
        return web.json_response(session)

    async def _list_threads(self, request: web.Request, body: Any) -> web.StreamResponse:
        wanted = request.query.get("user")
        found = [t for t in self.threads.values() if wanted is None or t["user"] == wanted]
        return self._page(request, sorted(found, key=lambda thread: thread["created_at"]))

    async def _retrieve_thread(self, request: web.Request, body: Any) -> web.StreamResponse:
        thread = self.threads.get(request.match_info["id"])
        return web.json_response(thread) if thread else refuse(404)

    async def _delete_thread(self, request: web.Request, body: Any) -> web.StreamResponse:
        thread_id = request.match_info["id"]
        if self.threads.pop(thread_id, None) is None:
            return refuse(404)
        self.items.pop(thread_id, None)
        return web.json_response(
            {"id": thread_id, "object": "chatkit.thread.deleted", "deleted": True}
        )

    async def _list_items(self, request: web.Request, body: Any) -> web.StreamResponse:
        thread_id = request.match_info["id"]
        if thread_id not in self.threads:
            return refuse(404)
        return self._page(request, self.items[thread_id])

    def _page(self, request: web.Request, oldest_first: list[Json]) -> web.StreamResponse:
        """OpenAI's lists: newest first and 20 at a time unless told otherwise."""
        order, limit = request.query.get("order", "desc"), request.query.get("limit", "20")
        if order not in {"asc", "desc"} or not limit.isdigit() or not 1 <= int(limit) <= 100:
            return refuse(400)
        rows = oldest_first if order == "asc" else oldest_first[::-1]
        ids = [row["id"] for row in rows]
        after = request.query.get("after")
        if after is not None and after not in ids:
            return refuse(404)
        start = ids.index(after) + 1 if after is not None else 0
        if self.endless and start >= len(rows):
            start = 0
        page = rows[start : start + int(limit)]
        return web.json_response(
            {
                "object": "list", "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page and not self.without_last_id else None,
                "has_more": self.endless or start + int(limit) < len(rows),
            }
        )  # fmt: skip

    async def _respond(self, request: web.Request, body: Json) -> web.StreamResponse:
        if "model" not in body or "input" not in body:
            return refuse(400, "Missing required parameter: 'model' or 'input'.")
        asked = (body.get("text") or {}).get("format") or {}
        if asked.get("strict") and (loose := list(loose_places(asked["schema"]))):
            return refuse(400, f"Invalid schema for response_format: {loose[0]}.")
        whole = response(body, self._answer(body, asked))
        if not body.get("stream"):
            return web.json_response(whole)
        return await _stream(request, whole)

    def _answer(self, body: Json, asked: Json) -> Answer:
        if self.answers:
            return self.answers.popleft()
        if self.model:
            return self.model(body)
        if asked.get("type") == "json_schema":
            return Text(json.dumps(least_instance(asked["schema"])))
        return Text("Thank you. Could you tell me a little more?")

    async def _list_models(self, request: web.Request, body: Any) -> web.StreamResponse:
        return web.json_response(
            {"object": "list", "data": [self._model(name) for name in self.models]}
        )

    async def _retrieve_model(self, request: web.Request, body: Any) -> web.StreamResponse:
        name = request.match_info["id"]
        return web.json_response(self._model(name)) if name in self.models else refuse(404)

    def _model(self, name: str) -> Json:
        return {
            "id": name, "object": "model", "created": 1_765_000_000, "owned_by": "system",
            "shutdown_date": self.models[name],
        }  # fmt: skip


def _session_mistakes(body: Json) -> Iterator[str]:
    """The rules of `POST /chatkit/sessions`."""
    allowed = {"user", "workflow", "chatkit_configuration", "expires_after", "rate_limits"}
    yield from (f"Unknown parameter: '{name}'." for name in body.keys() - allowed)
    if not body.get("user") or not (body.get("workflow") or {}).get("id"):
        yield "Missing required parameter: 'user' or 'workflow.id'."
        return
    for name, value in (body["workflow"].get("state_variables") or {}).items():
        if len(name) > 64 or not isinstance(value, str | int | float | bool):
            yield f"Invalid state variable: '{name}'."
    expires = body.get("expires_after") or {"anchor": "created_at", "seconds": 600}
    if expires.get("anchor") != "created_at" or not 1 <= expires.get("seconds", 0) <= 600:
        yield "Invalid 'expires_after': 1 to 600 seconds after 'created_at'."
    upload = (body.get("chatkit_configuration") or {}).get("file_upload") or {}
    if not 1 <= upload.get("max_file_size", 1) <= 512:
        yield "Invalid 'file_upload.max_file_size': 1 to 512 MB."


async def _read_json(request: web.Request) -> Any:
    raw = await request.read()
    return json.loads(raw) if raw else None


def refuse(status: int, message: str = "") -> web.Response:
    body = error(status)
    if message:
        body["error"]["message"] = message
    return web.json_response(body, status=status, headers={"x-request-id": fresh("req")})


async def _fail(request: web.Request, body: Any, failure: Failure) -> web.StreamResponse:
    match failure:
        case Status(code, retry_after):
            answer = refuse(code)
            if retry_after is not None:
                answer.headers["Retry-After"] = f"{retry_after:g}"
            return answer
        case Hang(seconds, events):
            opened = await _begin(request, body, events) if events else None
            await asyncio.sleep(seconds)
            return opened or refuse(503)
        case Garbage(text):
            return web.Response(text=text, content_type="application/json")
        case CutOff(0):
            return await _cut_off(request, streaming=bool(body and body.get("stream")))
        case CutOff(events):
            answer = await _begin(request, body, events)
            assert request.transport
            request.transport.close()
            return answer


async def _cut_off(request: web.Request, *, streaming: bool) -> web.StreamResponse:
    answer = web.StreamResponse()
    answer.content_type = "text/event-stream" if streaming else "application/json"
    answer.content_length = 100_000
    await answer.prepare(request)
    opening = 'event: response.created\ndata: {"type": "respo' if streaming else '{"id": "resp_1'
    await answer.write(opening.encode())
    assert request.transport
    request.transport.close()
    return answer


async def _begin(request: web.Request, body: Json, events: int) -> web.StreamResponse:
    """The first events of an answer."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await answer.prepare(request)
    whole = response(body, Text("This answer will never come to its end."))
    for event in itertools.islice(stream_events(whole), events):
        await answer.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return answer


async def _stream(request: web.Request, whole: Json) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await answer.prepare(request)
    for event in stream_events(whole):
        await answer.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    return answer


@contextlib.contextmanager
def openai_server(port: int = 0) -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)

    async def begin() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, chosen = runner.addresses[0][:2]
        server.url = f"http://{host}:{chosen}/v1"

    thread = threading.Thread(target=loop.run_forever, name="openai", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(begin(), loop).result(timeout=60)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(timeout=60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=60)
        loop.close()


if __name__ == "__main__":
    with openai_server(int(sys.argv[1])) as alone:
        sys.stdout.write(alone.url + "\n")
        sys.stdout.flush()
        threading.Event().wait()
