"""SMTP: connect, TLS and AUTH while the mail is made, MAIL and RCPT before ARM, DATA after it.

There is no signature to expire: a sender that slept finds its connection closed, because the fence
(15 min) is longer than a server's idle timeout (RFC 5321: 5 min).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from asyncio import Future
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import msgspec

from libs.runtime.clock import Clock
from services.mailer.adapters.smtp_errors import SHUTTING_DOWN, Stage, of_reply, of_silence
from services.mailer.adapters.smtp_lines import Line, SmtpLines, SmtpServer, of_error, take
from services.mailer.ports import Accepted, Mail, Outcome, Unknown, Windows

if TYPE_CHECKING:
    from aiosmtplib import SMTP

WINDOWS: Final = Windows(fence_seconds=900, evidence_seconds=0)
START_INPUT: Final = 354
COMPLETED: Final = 250
FOR_NOW: Final = 400
FOR_GOOD: Final = 500

_QUEUED = re.compile(
    r"(?:queued as|id=?)\s*([\w.-]{4,80})|([\w.-]{4,80}) Message accepted", re.IGNORECASE
)
"""As Postfix and Exim name it, and as Sendmail and OpenSMTPD do."""
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class SmtpTransport:
    """MailTransport."""

    lines: SmtpLines
    clock: Clock
    windows: Windows = WINDOWS
    sign: Callable[[bytes], bytes] | None = None
    """DKIM: always the same for the same mail, so what a retry sends is what was stored."""
    name: str = "smtp"

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[_Addressed]:
        refused: list[int] = []
        async with self.lines.line() as line:
            mail = await self._signed(await making)
            await self.lines.begin(line, lambda client: _mail(client, mail))
            await take(Stage.RCPT, lambda: _recipients(line.client, mail, refused))
            ready, over = self.clock.boot(), _in_codes(refused)
            dot = self.lines.server.dot_seconds
            yield _Addressed(line, mail.body, dot, ready, self.windows, over)

    async def fate(self, mail: Mail) -> Outcome:
        return Unknown("no_idempotency_key")

    async def _signed(self, mail: Mail) -> Mail:
        if self.sign is None:
            return mail
        signed = await asyncio.to_thread(self.sign, with_line_ends(mail.body))
        return msgspec.structs.replace(mail, body=signed)


@dataclass(frozen=True)
class _Addressed:
    line: Line
    body: bytes
    dot_seconds: float
    prepared_at: float
    windows: Windows
    passed_over: str
    transport: str = "smtp"

    async def send(self) -> Outcome:
        try:
            reply = await self.line.client.execute_command(b"DATA")
        except Exception as error:  # noqa: BLE001 - whatever it is, no byte of the mail has left
            return of_error(Stage.DATA, error)
        if reply.code != START_INPUT:
            return of_reply(Stage.DATA, reply.code, reply.message)
        outcome = await self._deliver(transparent(self.body))
        self.line.took_a_mail = isinstance(outcome, Accepted)
        return outcome

    async def _deliver(self, body: bytes) -> Outcome:
        """The dot is written apart: a connection lost before it has delivered nothing for sure."""
        protocol = self.line.client.protocol
        # uvloop's transports are no subclass of asyncio's, so it is not asked with isinstance.
        transport = cast("asyncio.WriteTransport | None", self.line.client.transport)
        if protocol is None or transport is None:
            return of_silence(Stage.BODY, "lost")
        stage = Stage.BODY
        try:
            transport.set_write_buffer_limits(high=0)
            protocol.write(body)
            async with asyncio.timeout(self.dot_seconds):
                await protocol._drain_helper()  # noqa: SLF001 - a StreamWriter closes when collected
            protocol.write(b".\r\n")  # raises when the line is already down
            stage = Stage.DOT
            reply = await protocol.read_response(timeout=self.dot_seconds)
        except Exception as error:  # noqa: BLE001 - the stage decides, not the kind of error
            return of_error(stage, error)
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
    stack: AsyncExitStack,
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
    lines = SmtpLines(server, await asyncio.to_thread(socket.getfqdn), context)
    stack.push_async_callback(lines.close)
    return SmtpTransport(lines, clock, windows, sign)


def _verdict(code: int, message: str) -> Outcome:
    if code != COMPLETED:
        return of_reply(Stage.DOT, code, message)
    queued = _QUEUED.search(message)
    return Accepted((queued[1] or queued[2]) if queued else "")


async def _mail(client: SMTP, mail: Mail) -> None:
    await client.mail(mail.sender, options=_options(client, mail))


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
