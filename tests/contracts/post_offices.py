"""One provider behind each transport, real where it can be, that misbehaves on request."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from aiohttp import ClientSession, web
from aiosmtpd.smtp import SMTP

from libs.runtime.clock import SystemClock
from services.mailer.adapters.outbox import OutboxTransport
from services.mailer.adapters.ses import SesAccount, open_ses
from services.mailer.adapters.smtp import SmtpServer, SmtpTransport
from services.mailer.fakes import FakeTransport
from services.mailer.ports import Mail, MailTransport, Outcome, Refused, Unknown

SENDER = "leads@shop.example"
SHOP_SENDER = "chat@craigs.autos"
TO_SES = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20200101/us-east-1/ses/x"}
SIGNATURE_SECONDS = 300
"""As long as AWS takes a signed request."""


class PostOffice(Protocol):
    """What the contract needs of a provider."""

    transport: MailTransport

    def arrived(self) -> list[bytes]:
        """The bodies the provider took, in order."""
        ...

    def refuse_this(self) -> None: ...

    def refuse_everybody(self) -> None: ...

    def lose_reply(self) -> None: ...

    async def vanish(self) -> None:
        """Nothing listens any more."""
        ...


class FakeOffice:
    def __init__(self, *, keyed: bool = False) -> None:
        self.transport = FakeTransport(SystemClock(), fault=self._fault, keyed=keyed)
        self._answers: dict[str, Outcome] = {}

    async def _fault(self, moment: str, _: Mail) -> Outcome | None:
        return self._answers.get(moment)

    def arrived(self) -> list[bytes]:
        return [mail.body for mail in self.transport.accepted]

    def refuse_this(self) -> None:
        self._answers["send"] = Refused("message_rejected")

    def refuse_everybody(self) -> None:
        self._answers["send"] = Refused("throttled", provider_wide=True)

    def lose_reply(self) -> None:
        self._answers["reply"] = Unknown("timeout")

    async def vanish(self) -> None:
        self._answers["prepare"] = Refused("not_connected", provider_wide=True)


class OutboxOffice:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "outbox"
        self.transport = OutboxTransport(self.folder, SystemClock())

    def arrived(self) -> list[bytes]:
        found = sorted(self.folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in found]

    def refuse_this(self) -> None:
        """Its draft is taken away: what a resolver does to a sender that slept."""
        for draft in self.folder.glob(".*.draft"):
            draft.unlink()

    def refuse_everybody(self) -> None:
        """A file stands where the folder should be."""
        self.folder.touch()

    def lose_reply(self) -> None:
        raise NotImplementedError("a rename has no reply that could be lost")

    async def vanish(self) -> None:
        self.folder.touch()


@dataclass
class Letters:
    """aiosmtpd's handler: keeps what it takes, answers as told."""

    kept: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    """As they were told before the mail itself."""
    answers: dict[str, str] = field(default_factory=dict)
    """By stage: `mail`, `rcpt`, `dot`, `mail <address>`, `rcpt <address>`, `rcpt from <sender>`."""

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if answer := self.answers.get("mail") or self.answers.get(f"mail {rest[0]}"):
            return answer
        envelope.mail_from = rest[0]
        told = dict(option.partition("=")[::2] for option in rest[1])
        self.sizes.append(int(told.get("SIZE", 0)))
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:  # noqa: N802 - aiosmtpd's name
        asked = ("rcpt", f"rcpt {rest[0]}", f"rcpt from {envelope.mail_from}")
        if answer := next(filter(None, map(self.answers.get, asked)), None):
            return answer
        envelope.rcpt_tos.append(rest[0])
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if answer := self.answers.get("dot"):
            return answer
        self.kept.append(envelope.original_content)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 2.0.0 Ok: queued as ABC123"


class Proxy:
    """TCP in between, that can swallow the provider's answer and cut the line."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.cut_after = b""
        """Once the client has sent this, no answer comes back; empty: pass everything."""
        self.hold = False
        """Swallow the answer but keep the line open."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            writers.append(far_writer)
            await self._pass(reader, writer, far_reader, far_writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for each in writers:
                each.close()
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await each.wait_closed()
            self._tasks.discard(task)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        """Until either side hangs up."""
        seen = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._up(reader, far_writer, seen)),
            asyncio.ensure_future(self._down(far_reader, writer, seen)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: asyncio.Event
    ) -> None:
        sent = b""
        while piece := await reader.read(65536):
            sent = (sent + piece)[-len(piece) - 64 :]
            if self.cut_after and self.cut_after in sent:
                seen.set()
            writer.write(piece)
            await writer.drain()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: asyncio.Event
    ) -> None:
        while piece := await reader.read(65536):
            if seen.is_set():
                if self.hold:
                    await asyncio.Event().wait()
                return
            writer.write(piece)
            await writer.drain()


class SmtpOffice:
    def __init__(self, letters: Letters, proxy: Proxy, transport: SmtpTransport) -> None:
        self.letters, self.proxy, self.transport = letters, proxy, transport

    def arrived(self) -> list[bytes]:
        return self.letters.kept

    def refuse_this(self) -> None:
        self.letters.answers["dot"] = "554 5.7.1 message content rejected"

    def refuse_everybody(self) -> None:
        self.letters.answers["mail"] = "421 4.3.2 shutting down"

    def lose_reply(self) -> None:
        self.proxy.cut_after = b"\r\n.\r\n"

    async def vanish(self) -> None:
        await self.proxy.close()


@contextlib.asynccontextmanager
async def smtp_office(**options: Any) -> AsyncIterator[SmtpOffice]:
    """A real SMTP server behind the proxy."""
    letters, loop = Letters(), asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(letters, hostname="server.test", loop=loop, **options), "127.0.0.1", 0
    )
    async with listening, Proxy(listening.sockets[0].getsockname()[1]) as proxy:
        server = SmtpServer(
            host="127.0.0.1", port=proxy.port, tls="none", command_seconds=5, dot_seconds=20
        )
        yield SmtpOffice(letters, proxy, SmtpTransport(server, SystemClock(), "client.test"))


@dataclass
class Front:
    """HTTP before moto, as AWS would behave: may answer by itself, drop the reply or redirect."""

    target: str
    answer: tuple[int, str, str] | None = None
    """Status, error code, message."""
    drop_reply: bool = False
    redirect: str = ""
    hang: bool = False
    ahead_seconds: float = 0.0
    """How far its clock is ahead of the signer's: what a signer that slept looks like."""
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append({"headers": dict(request.headers), "body": body})
        if self.redirect:
            raise web.HTTPTemporaryRedirect(self.redirect + request.path)
        if self.hang:
            await asyncio.sleep(60)
        signed = dt.datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        age = dt.datetime.now(dt.UTC) - signed + dt.timedelta(seconds=self.ahead_seconds)
        if age.total_seconds() > SIGNATURE_SECONDS:
            self.answer = (403, "InvalidSignatureException", "Signature expired: too old")
        if self.answer:
            status, code, message = self.answer
            headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/"} if code else {}
            return web.json_response({"message": message}, status=status, headers=headers)
        async with (
            ClientSession() as session,
            session.post(
                self.target + request.path, data=io.BytesIO(body), headers=_end_to_end(request)
            ) as reply,
        ):
            answer = await reply.read()
            if self.drop_reply and request.path.startswith("/v2/email/"):
                assert request.transport
                request.transport.abort()
            return web.Response(status=reply.status, body=answer, content_type=reply.content_type)


def _end_to_end(request: web.Request) -> dict[str, str]:
    hop = {"host", "content-length", "connection", "accept-encoding"}
    return {name: value for name, value in request.headers.items() if name.lower() not in hop}


class SesOffice:
    def __init__(self, front: Front, transport: MailTransport, runner: web.AppRunner) -> None:
        self.front, self.transport, self._runner = front, transport, runner
        self.url = _address(runner)
        self._before = len(self._messages())

    def _messages(self) -> list[Any]:
        from moto.ses.models import ses_backends

        return list(ses_backends["123456789012"]["us-east-1"].sent_messages)

    def arrived(self) -> list[bytes]:
        return [message.raw_data.encode() for message in self._messages()[self._before :]]

    def refuse_this(self) -> None:
        self.front.answer = (400, "MessageRejected", "invalid content")

    def refuse_everybody(self) -> None:
        self.front.answer = (429, "TooManyRequestsException", "slow down")

    def lose_reply(self) -> None:
        self.front.drop_reply = True

    async def vanish(self) -> None:
        await self._runner.cleanup()


def _address(runner: web.AppRunner) -> str:
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@contextlib.asynccontextmanager
async def ses_office(moto_url: str, **options: Any) -> AsyncIterator[SesOffice]:
    front = Front(moto_url)
    app = web.Application(client_max_size=50 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", front.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = _address(runner)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        account = SesAccount(
            region="us-east-1", endpoint_url=url, configuration_set="leads", **options
        )
        transport = await open_ses(stack, account, SystemClock())
        async with ClientSession() as session:
            for sender in (SENDER, SHOP_SENDER):
                verify = {"Action": "VerifyEmailIdentity", "EmailAddress": sender}
                async with session.post(moto_url, data=verify, headers=TO_SES) as reply:
                    assert reply.status == 200, await reply.text()
        yield SesOffice(front, transport, runner)


class ScriptedSmtp:
    """Says what it is told at each stage: a reply, nothing (``), `hang` or `close`."""

    def __init__(self, script: dict[str, str]) -> None:
        self.script = {
            "connect": "220 ready",
            "ehlo": "250-server.test\r\n250-AUTH PLAIN\r\n250 SIZE 1000000",
            "auth": "235 go ahead",
            "mail": "250 ok",
            "rcpt": "250 ok",
            "data": "354 go ahead",
            "dot": "250 ok",
            "quit": "221 bye",
            **script,
        }
        self.taken: list[bytes] = []
        self.greeted = asyncio.Event()
        self.left = asyncio.Event()
        """A connection is over."""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        narrow = socket.create_server(("127.0.0.1", 0))
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._server = await asyncio.start_server(self._serve, sock=narrow)
        self.port = narrow.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if await self._say("connect", writer):
                await self._talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)
            self.left.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            verb = line.split(maxsplit=1)[0].decode().lower()
            if not await self._say("ehlo" if verb == "helo" else verb, writer):
                return
            self.greeted.set()
            if verb == "data" and self.script["data"].startswith("354"):
                if "body" in self.script:
                    await reader.read(10)
                    return
                self.taken.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._say("dot", writer):
                    return

    async def _say(self, stage: str, writer: asyncio.StreamWriter) -> bool:
        said = self.script.get(stage, "502 not known")
        if said == "close":
            return False
        if said == "hang":
            await asyncio.Event().wait()
        if said:
            writer.write(said.encode() + b"\r\n")
            await writer.drain()
        return True
