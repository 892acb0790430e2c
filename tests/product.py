"""The running product, as a test starts it, and a visitor who uses it over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.servers import free_port

START_SECONDS = 30.0


@dataclass
class Product:
    """`python -m services` on a data folder of its own."""

    data: Path
    port: int = field(default_factory=free_port)
    inbox_port: int = field(default_factory=free_port)
    attachments_port: int = field(default_factory=free_port)
    environ: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def inbox_url(self) -> str:
        return f"http://127.0.0.1:{self.inbox_port}"

    def settings(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **kept,
            "HANDOFF_DATA": str(self.data),
            "TMPDIR": str(self.data.parents[1]),  # pytest removes what a killed one leaves there
            "HANDOFF_PORT": str(self.port),
            "HANDOFF_INBOX_PORT": str(self.inbox_port),
            "ATTACHMENTS_PORT": str(self.attachments_port),
            "QUIET_SECONDS": "1",
            "SWEEP_SECONDS": "1",
            **self.environ,
        }

    def start(self) -> None:
        """Until it says that it is ready."""
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services"],
                env=self.settings(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), True)
        said = self.process.stdout.readline()
        assert said == "Handoff is running.\n", self.log

    def said(self) -> str:
        """What it prints for a person, after the first line."""
        assert self.process
        assert self.process.stdout
        lines = iter(self.process.stdout.readline, "Ctrl-C stops it.\n")
        return "".join(lines)

    @property
    def log_path(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def children(self) -> list[int]:
        assert self.process
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Returns the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(90)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def mails(self, thread: str = "*") -> list[Path]:
        """All of them, or those of one thread."""
        return sorted((self.data / "outbox").glob(f"*.{thread}.*.eml"))

    async def mail_arrives(self, thread: str = "*") -> list[Path]:
        async with asyncio.timeout(90):
            while not self.mails(thread):
                await asyncio.sleep(0.05)
        return self.mails(thread)


@contextlib.contextmanager
def product(data: Path, **environ: str) -> Iterator[Product]:
    running = Product(data, environ=environ)
    running.start()
    try:
        yield running
    finally:
        running.stop(signal.SIGKILL)


@dataclass
class Visitor:
    """A browser without a window: a session, a thread, and what the panel would send."""

    http: aiohttp.ClientSession
    url: str
    origin: str
    user: str = ""
    secret: str = ""
    thread: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Origin": self.origin, "Authorization": f"Bearer {self.secret}"}

    async def arrive(
        self, locale: str = "en", page: str = "", attribution: Mapping[str, str] | None = None
    ) -> None:
        body = {
            "user": self.user or None,
            "locale": locale,
            "pageUrl": page or f"{self.url}/",
            "attribution": attribution,
        }
        answer = await self.post("/api/chatkit/session", body)
        self.secret, self.user = answer["client_secret"], answer["user"]

    async def post(self, path: str, body: object) -> dict[str, Any]:
        headers = self.headers if self.secret else {"Origin": self.origin}
        async with self.http.post(self.url + path, json=body, headers=headers) as answer:
            said = await answer.json()
            assert answer.status in {200, 202}, said
            assert isinstance(said, dict)
            return said

    async def say(self, text: str, attachments: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """One turn; returns every event that streamed back."""
        wish: dict[str, Any] = {
            "content": [{"type": "input_text", "text": text}],
            "attachments": list(attachments),
            "quoted_text": None,
            "inference_options": {},
        }
        kind = "threads.add_user_message" if self.thread else "threads.create"
        params = {"input": wish, **({"thread_id": self.thread} if self.thread else {})}
        events = [event async for event in self.stream(kind, params)]
        for event in events:
            if event["type"] == "thread.created":
                self.thread = event["thread"]["id"]
        return events

    async def stream(self, kind: str, params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        body = {"type": kind, "params": params, "metadata": {}}
        async with self.http.post(
            f"{self.url}/api/chatkit", json=body, headers=self.headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            async for line in answer.content:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    async def trigger(self, reason: str) -> dict[str, Any]:
        body = {"threadId": self.thread, "reason": reason, "user": self.user}
        return await self.post("/api/chatkit/lead", body)

    async def upload(
        self, name: str, body: bytes, content_type: str, status: int = 200
    ) -> dict[str, Any]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", body, filename=name, content_type=content_type)
        async with self.http.post(
            f"{self.url}/api/chatkit/attachment", data=form, headers=self.headers
        ) as answer:
            said = await answer.json()
            assert answer.status == status, said
            assert isinstance(said, dict)
            return said


@contextlib.asynccontextmanager
async def visitor(url: str, *, user: str = "", origin: str = "") -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as http:
        someone = Visitor(http, url, origin or url, user)
        await someone.arrive()
        yield someone
