"""The web inbox of the one-machine mode: what was sent, as a person would read it, and its story.

It shows customers' words to whoever can open it, so it listens on loopback only and answers only
to a loopback `Host`: a reverse proxy or a rebinding page cannot publish it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from aiohttp.web import StreamResponse

from libs.web.answers import Answer, Refused, json_answer
from libs.web.call import Call
from libs.web.edge import Handler, Route
from ops.desk import THREAD
from ops.inbox.mails import Outbox
from ops.story import Story

T = TypeVar("T")
_STATIC: Final = Path(__file__).parent / "static"
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
_MAIL_POLICY: Final = (
    "sandbox allow-popups; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"
)
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_NAMES: Final = {"localhost", "127.0.0.1", "[::1]"}


@dataclass(frozen=True)
class InboxSite:
    outbox: Outbox
    story: Callable[[str], Awaitable[Story]]
    """The story of one thread, as `handoff why` tells it."""

    def routes(self) -> tuple[Route, ...]:
        table: dict[str, Handler] = {
            "/": self.page("inbox.html"),
            "/inbox.css": self.page("inbox.css"),
            "/inbox.js": self.page("inbox.js"),
            "/mails": self.mails,
            "/mail": self.mail,
            "/html": self.html,
            "/part": self.part,
            "/source": self.source,
            "/story": self.tell,
        }
        return tuple(
            Route("GET", path, _loopback(handler), f"inbox{path}")
            for path, handler in table.items()
        )

    def page(self, file: str) -> Handler:
        async def serve(call: Call) -> Answer:
            path = _STATIC / file
            kind = f"{_TYPES[path.suffix]}; charset=utf-8"
            body = await asyncio.to_thread(path.read_bytes)
            return Answer(200, body, kind, (("Content-Security-Policy", _PAGE_POLICY),))

        return serve

    async def mails(self, call: Call) -> Answer:
        return json_answer(await asyncio.to_thread(self.outbox.newest))

    async def mail(self, call: Call) -> Answer:
        return json_answer(
            _found(await asyncio.to_thread(self.outbox.read, call.parameter("name")))
        )

    async def html(self, call: Call) -> Answer:
        html = _found(await asyncio.to_thread(self.outbox.html, call.parameter("name")))
        headers = (
            ("Content-Security-Policy", _MAIL_POLICY),
            ("X-Frame-Options", "SAMEORIGIN"),
        )
        return Answer(200, html.encode(), "text/html; charset=utf-8", headers)

    async def part(self, call: Call) -> Answer:
        name, cid = call.parameter("name"), call.parameter("cid")
        kind, body = _found(await asyncio.to_thread(self.outbox.part, name, cid))
        image = kind == "image/jpeg"
        headers = (
            ("Content-Disposition", "inline" if image else "attachment"),
            ("Cross-Origin-Resource-Policy", "cross-origin"),  # the sandboxed mail has no origin
        )
        return Answer(200, body, kind if image else "application/octet-stream", headers)

    async def source(self, call: Call) -> Answer:
        source = _found(await asyncio.to_thread(self.outbox.source, call.parameter("name")))
        return Answer(200, source, "text/plain; charset=utf-8")

    async def tell(self, call: Call) -> Answer:
        thread = THREAD.fullmatch(call.parameter("thread"))
        return Answer(200, msgspec.json.encode(await self.story(_found(thread)[0])))


def _found(thing: T | None) -> T:
    if thing is None:
        raise Refused("not_found")
    return thing


def _loopback(handler: Handler) -> Handler:
    async def guarded(call: Call) -> Answer | StreamResponse:
        host = call.headers.get("Host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in _NAMES:
            raise Refused("not_found")
        return await handler(call)

    return guarded
