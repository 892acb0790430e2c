"""The panel without a product behind it: a server that says exactly what a test has it say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from libs.attachments.records import LARGEST_BYTES
from libs.web.answers import Refused
from services.gateway.front import MOST_FILES, load, load_phrases, static_files

Item = dict[str, Any]
THREAD = "cthr_stage"
ANSWER = "Which side of the seat is it?"
THANKS = "Thank you."
NUMBER = "408-555-0176"
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<script src="/handoff.js" defer></script></head><body><main><h1>A shop</h1></main></body></html>"""


def said(number: int, text: str) -> Item:
    """The customer's message; ids sort by their number."""
    return {
        "id": f"cthi_{number:05}", "type": "user_message", "thread_id": THREAD, "attachments": [],
        "content": [{"type": "input_text", "text": text}],
    }  # fmt: skip


def answered(number: int, text: str) -> Item:
    return {
        "id": f"cthi_{number:05}", "type": "assistant_message", "thread_id": THREAD,
        "content": [{"type": "output_text", "text": text}],
    }  # fmt: skip


def phone_field(number: int, *, value: str = "") -> Item:
    answer = {"values": [value], "skipped": False} if value else None
    phone = {"id": "phone", "type": "freeform", "question": "Your phone?", "answer": answer}
    return {
        "id": f"cthi_{number:05}", "type": "structured_input", "thread_id": THREAD,
        "status": "answered" if value else "pending", "inputs": [phone],
    }  # fmt: skip


def created() -> Item:
    return {"type": "thread.created", "thread": {"id": THREAD, "items": {"data": []}}}


def done(item: Item) -> Item:
    return {"type": "thread.item.done", "item": item}


def failed() -> Item:
    return {"type": "error", "code": "stream.error", "allow_retry": True}


@dataclass
class Asked:
    """One request of the panel, and the ways to answer it."""

    kind: str
    params: dict[str, Any]
    request_id: str
    position: str
    bearer: str
    conversation: str
    """The name of what is said before its thread is known."""
    begins: bool
    """Nothing else was said in it."""
    _http: web.Request
    _stream: web.StreamResponse | None = None

    @property
    def text(self) -> str:
        content: list[dict[str, str]] = self.params["input"]["content"]
        return content[0]["text"]

    async def tell(self, *events: Item) -> None:
        if self._stream is None:
            self._stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await self._stream.prepare(self._http)
        for number, event in enumerate(events, 1):
            line = f"id: answer.stage-{number}\ndata: {json.dumps(event)}\n\n"
            await self._stream.write(line.encode())

    async def silence(self) -> None:
        """Nothing more, on a connection that stays."""
        await asyncio.sleep(300)

    def cut(self) -> None:
        assert self._http.transport
        self._http.transport.abort()

    def refuse(self, code: str, status: int = 0, **headers: str) -> web.Response:
        """In the gateway's own words."""
        told = tuple(headers.items())
        answer = Refused(code, status=status, headers=told).answer(self.request_id)
        return web.Response(
            status=answer.status, body=answer.body, headers=headers, content_type="application/json"
        )

    def page(self, items: list[Item]) -> web.Response:
        """Newest first, as the chat service pages."""
        limit, after = self.params["limit"], self.params.get("after")
        older = [one for one in reversed(items) if not after or one["id"] < after]
        shown, more = older[:limit], len(older) > limit
        after = shown[-1]["id"] if more else None
        return web.json_response({"data": shown, "has_more": more, "after": after})

    @property
    def answer(self) -> web.StreamResponse:
        assert self._stream is not None
        return self._stream


async def heard(asked: Asked) -> None:
    """A first message and what follows it, each answered in its place."""
    begun = [created()] if asked.kind == "threads.create" else []
    if begun and asked.begins:
        await asked.tell(*begun, done(said(1, asked.text)), done(answered(2, ANSWER)))
    else:
        await asked.tell(*begun, done(said(5, asked.text)), done(answered(6, THANKS)))


Script = Callable[[Asked], Awaitable[web.StreamResponse | None]]


@dataclass
class Stage:
    url: str = ""
    chat: dict[str, object] = field(default_factory=dict)
    """Of `handoff.json`, where it differs."""
    script: Script | None = None
    asked: list[Asked] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What else was posted: path and body."""
    loads: list[str] = field(default_factory=list)
    """Of the script's own files."""
    uploading: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    def wishes(self) -> list[Asked]:
        """All but the reading of what is kept."""
        return [one for one in self.asked if one.kind != "items.list"]

    def texts(self) -> list[str]:
        """Each message once, however often it was sent."""
        return list({one.request_id: one.text for one in self.wishes()}.values())

    async def until_asked(self, count: int) -> Asked:
        async with asyncio.timeout(60):
            while len(self.wishes()) < count:
                await asyncio.sleep(0.02)
        return self.wishes()[count - 1]

    async def config(self, request: web.Request) -> web.Response:
        phrases = load_phrases()
        locale = request.query["locale"]
        locale = locale if locale in phrases else "en"
        texts = {"greeting": "Hello", "placeholder": "Your message", "prompts": ["My seat is torn"]}
        chat = {
            "mode": "own", "runtime_urls": [], "runtime": None, "shop": "A shop",
            "assistant": "Roxana", "phone": "+14085550142", "phone_shown": "(408) 555-0142",
            "colour": "#1f3a5f", "on_colour": "#ffffff", "open_now": True, "locale": locale,
            "most_files": MOST_FILES, "largest_file_bytes": LARGEST_BYTES,
            "dir": "rtl" if locale == "ar" else "ltr", "texts": {**phrases[locale], **texts},
        }  # fmt: skip
        here = f"http://{request.host}"
        custom = {
            "chatkit_session_url": f"{here}/api/chatkit/session",
            "chatkit_lead_email_url": f"{here}/api/chatkit/lead",
            "chatkit_attachment_upload_url": f"{here}/api/chatkit/attachment",
            "chatkit_lead_signal_url": f"{here}/api/lead-signal",
        }
        return web.json_response({"custom": custom, "chat": chat | self.chat})

    async def speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name, conversation = request.headers["X-Request-ID"], body["metadata"].get("conversation")
        said = {one.conversation or one.request_id: one.request_id for one in self.asked[::-1]}
        asked = Asked(
            body["type"], body["params"], name, request.headers.get("Last-Event-ID", ""),
            request.headers["Authorization"], conversation or "",
            said.get(conversation or name, name) == name, request,
        )  # fmt: skip
        self.asked.append(asked)
        assert self.script
        return await self.script(asked) or asked.answer

    async def note(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        self.told.append((request.path, body))
        count = len(self.told)
        user = body.get("user") or f"user-{count}"
        secret = {
            "client_secret": f"{user}.{count}",
            "expires_at": 4e9,
            "user": user,
            "mode": "own",
        }
        lead = {"ok": True, "sent": False, "reason": "not_idle"}
        return web.json_response(secret if request.path.endswith("session") else lead)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        assert self.uploading
        return await self.uploading(request)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    made = Stage()

    async def page(request: web.Request) -> web.Response:
        html = PAGE.format(lang=request.query.get("lang", "en"))
        return web.Response(text=html, content_type="text/html")

    files = {file.path: load(file) for file in static_files(())}

    async def file(request: web.Request) -> web.Response:
        made.loads.append(request.path)
        found = files[request.path]
        headers = {"Content-Type": found.file.content_type}
        return web.Response(body=found.body, headers=headers)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/handoff.json", made.config)
    app.router.add_get("/{name:(handoff|panel).(js|css)}", file)
    app.router.add_post("/api/chatkit", made.speak)
    app.router.add_post("/api/chatkit/attachment", made.upload)
    app.router.add_post("/{path:.*}", made.note)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
