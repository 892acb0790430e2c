"""SMTP: connect, TLS and AUTH while the mail is made, MAIL and RCPT before ARM, DATA after it.

There is no signature to expire: a sender that slept finds its connection closed, because the fence
(15 min) is longer than a server's idle timeout (RFC 5321: 5 min).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

from libs.runtime.clock import Clock
from services.mailer.adapters.smtp_errors import SHUTTING_DOWN, Stage, of_reply, of_silence
from services.mailer.ports import Accepted, Mail, NotPrepared, Outcome, Refused, Unknown, Windows

if TYPE_CHECKING:
    from aiosmtplib import SMTP

WINDOWS: Final = Windows(fence_seconds=900, evidence_seconds=0)
START_INPUT: Final = 354
COMPLETED: Final = 250
FOR_NOW: Final = 400
FOR_GOOD: Final = 500
QUIT_SECONDS: Final = 2.0

_QUEUED = re.compile(
    r"(?:queued as|id=?)\s*([\w.-]{4,80})|([\w.-]{4,80}) Message accepted", re.IGNORECASE
)
"""As Postfix and Exim name it, and as Sendmail and OpenSMTPD do."""
_LINE_END = re.compile(rb"\r\n|\r|\n")

Step = tuple[Stage, Callable[[], Awaitable[object]]]


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where to, and as whom."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "starttls"
    username: str = ""
    password: str = ""
    command_seconds: float = 20
    dot_seconds: float = 300
    """A server that scans slowly must not turn a mail into a possible copy."""


@dataclass(frozen=True)
class SmtpTransport:
    """MailTransport. One connection per mail, so none is ever found half dead."""

    server: SmtpServer
    clock: Clock
    local_hostname: str
    """What we call ourselves; resolved once, at start."""
    context: ssl.SSLContext | None = None
    windows: Windows = WINDOWS
    sign: Callable[[bytes], bytes] | None = None
    """DKIM: always the same for the same mail, so what a retry sends is what was stored."""
    name: str = "smtp"

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[_Addressed]:
        client, refused = self._client(), list[int]()
        try:
            for stage, step in self._to_the_door(client):
                await _take(stage, step)
            mail = await self._signed(await making)
            options = _options(client, mail)
            await _take(Stage.MAIL, lambda: client.mail(mail.sender, options=options))
            await _take(Stage.RCPT, lambda: _recipients(client, mail, refused))
            ready, over = self.clock.boot(), _in_codes(refused)
            yield _Addressed(client, mail.body, self.server, ready, self.windows, over)
        finally:
            await _leave(client)

    async def fate(self, mail: Mail) -> Outcome:
        return Unknown("no_idempotency_key")

    def _client(self) -> SMTP:
        from aiosmtplib import SMTP

        return SMTP(
            hostname=self.server.host,
            port=self.server.port,
            timeout=self.server.command_seconds,
            local_hostname=self.local_hostname,
            use_tls=self.server.tls == "tls",
            start_tls=False,
            tls_context=self.context,
        )

    async def _signed(self, mail: Mail) -> Mail:
        if self.sign is None:
            return mail
        signed = await asyncio.to_thread(self.sign, with_line_ends(mail.body))
        return msgspec.structs.replace(mail, body=signed)

    def _to_the_door(self, client: SMTP) -> Iterator[Step]:
        """Lazily: what a later step asks for depends on what the server said before."""
        yield Stage.CONNECT, client.connect
        yield Stage.HELLO, lambda: _hello(client)
        if self.server.tls == "starttls":
            yield Stage.TLS, client.starttls
            yield Stage.HELLO, lambda: _hello(client)
        if self.server.username:
            yield Stage.AUTH, lambda: client.login(self.server.username, self.server.password)


@dataclass(frozen=True)
class _Addressed:
    client: SMTP
    body: bytes
    server: SmtpServer
    prepared_at: float
    windows: Windows
    passed_over: str
    transport: str = "smtp"

    async def send(self) -> Outcome:
        try:
            reply = await self.client.execute_command(b"DATA")
        except Exception as error:  # noqa: BLE001 - whatever it is, no byte of the mail has left
            return _silence(Stage.DATA, error)
        if reply.code != START_INPUT:
            return of_reply(Stage.DATA, reply.code, reply.message)
        return await self._deliver(transparent(self.body))

    async def _deliver(self, body: bytes) -> Outcome:
        """The dot is written apart: a connection lost before it has delivered nothing for sure."""
        protocol = self.client.protocol
        # uvloop's transports are no subclass of asyncio's, so it is not asked with isinstance.
        transport = cast("asyncio.WriteTransport | None", self.client.transport)
        if protocol is None or transport is None:
            return of_silence(Stage.BODY, "lost")
        stage = Stage.BODY
        try:
            transport.set_write_buffer_limits(high=0)
            protocol.write(body)
            async with asyncio.timeout(self.server.dot_seconds):
                await protocol._drain_helper()  # noqa: SLF001 - a StreamWriter closes when collected
            protocol.write(b".\r\n")  # raises when the line is already down
            stage = Stage.DOT
            reply = await protocol.read_response(timeout=self.server.dot_seconds)
        except Exception as error:  # noqa: BLE001 - the stage decides, not the kind of error
            return _silence(stage, error)
        return _verdict(reply.code, reply.message)


def transparent(body: bytes) -> bytes:
    """The mail as DATA carries it (RFC 5321 §4.5.2): CRLF line ends, leading dots doubled."""
    return (b"\r\n" + with_line_ends(body)).replace(b"\r\n.", b"\r\n..")[2:]


def with_line_ends(body: bytes) -> bytes:
    """CRLF after every line, the last one too."""
    breaks = body.count(b"\r\n")
    if not breaks == body.count(b"\n") == body.count(b"\r"):  # 100 ms for a mail with photos
        body = _LINE_END.sub(b"\r\n", body)
    return body if body.endswith(b"\r\n") else body + b"\r\n"


async def open_smtp(
    server: SmtpServer,
    clock: Clock,
    windows: Windows = WINDOWS,
    sign: Callable[[bytes], bytes] | None = None,
) -> SmtpTransport:
    """What blocks or costs is done once: our own name, the trusted certificates."""
    import socket

    context = None
    if server.tls != "none":
        context = await asyncio.to_thread(ssl.create_default_context)
    own_name = await asyncio.to_thread(socket.getfqdn)
    return SmtpTransport(server, clock, own_name, context, windows, sign)


async def _take(stage: Stage, step: Callable[[], Awaitable[object]]) -> None:
    from aiosmtplib.errors import SMTPException, SMTPResponseException

    try:
        await step()
    except SMTPResponseException as error:
        raise NotPrepared(_definite(of_reply(stage, error.code, error.message))) from error
    except (SMTPException, OSError, ssl.SSLError, ValueError) as error:
        raise NotPrepared(_definite(_silence(stage, error))) from error


def _definite(outcome: Outcome) -> Refused:
    """Before DATA nothing can be unknown."""
    return outcome if isinstance(outcome, Refused) else Refused("unexpected", provider_wide=True)


def _silence(stage: Stage, error: Exception) -> Outcome:
    from aiosmtplib.errors import SMTPResponseException

    if isinstance(error, SMTPResponseException):
        return of_reply(stage, error.code, error.message)
    if isinstance(error, ValueError) and not isinstance(error, OSError):  # a certificate is both
        return Refused(f"{stage}_bad_address")
    return of_silence(stage, "timeout" if isinstance(error, TimeoutError) else "lost")


def _verdict(code: int, message: str) -> Outcome:
    if code != COMPLETED:
        return of_reply(Stage.DOT, code, message)
    queued = _QUEUED.search(message)
    return Accepted((queued[1] or queued[2]) if queued else "")


async def _hello(client: SMTP) -> None:
    from aiosmtplib.errors import SMTPHeloError

    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()


def _options(client: SMTP, mail: Mail) -> list[str]:
    options = []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(mail.body)}")
    if client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    return options


async def _recipients(client: SMTP, mail: Mail, refused: list[int]) -> None:
    """One that is taken is enough: a second, mistyped address must not cost the shop its lead. For
    one that is put off there is nothing but to wait while the mail has left for nobody: later, it
    would be a second mail for the others.
    """
    from aiosmtplib.errors import SMTPRecipientRefused

    refusals: list[SMTPRecipientRefused] = []
    for recipient in mail.recipients:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            if error.code == SHUTTING_DOWN:  # and aiosmtplib has hung up
                raise
            refusals.append(error)
    refused += (refusal.code for refusal in refusals)
    put_off = [refusal for refusal in refusals if FOR_NOW <= refusal.code < FOR_GOOD]
    if len(refusals) == len(mail.recipients) or (put_off and mail.waits_for_all):
        raise min(put_off or refusals, key=lambda refusal: refusal.code)  # it may become a yes


def _in_codes(refused: list[int]) -> str:
    return " ".join(f"{Stage.RCPT}_{code}" for code in sorted(set(refused)))


async def _leave(client: SMTP) -> None:
    """QUIT where there is somebody to say it to; the mail's fate does not hang on it."""
    try:
        with suppress(Exception):
            if client.is_connected:
                await client.quit(timeout=QUIT_SECONDS)
    finally:
        client.close()
