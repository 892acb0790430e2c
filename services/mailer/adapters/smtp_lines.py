"""Connections to an SMTP server, past TLS and AUTH; one that took a mail waits for the next.

A burst of leads then needs one handshake, not one each. Nothing is risked by it: everything up to
RCPT comes before ARM, so where a kept connection has died, the mail begins again on a new one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from services.mailer.adapters.smtp_errors import Stage, of_reply, of_silence
from services.mailer.ports import IDLE_SECONDS, NotPrepared, Outcome, Refused

if TYPE_CHECKING:
    from aiosmtplib import SMTP

QUIT_SECONDS: Final = 2.0

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


@dataclass
class Line:
    """The connection of one mail."""

    client: SMTP
    kept: bool
    """It has waited here, and may have died without a sign."""
    took_a_mail: bool = False


@dataclass(frozen=True)
class SmtpLines:
    server: SmtpServer
    local_hostname: str
    """What we call ourselves; resolved once, at start."""
    context: ssl.SSLContext | None = None
    _kept: dict[SMTP, asyncio.Task[None]] = field(default_factory=dict)
    """Each with what hangs it up when nobody takes it."""

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Raises NotPrepared."""
        kept = self._take_kept()
        line = Line(kept or await self._opened(), kept=kept is not None)
        try:
            yield line
        finally:
            if line.took_a_mail:  # whole, so no part of one stands in it
                self._kept[line.client] = asyncio.create_task(self._hang_up(line.client))
            else:
                await _leave(line.client)

    async def begin(self, line: Line, step: Callable[[SMTP], Awaitable[object]]) -> None:
        """MAIL, and what a kept connection says against it a new one is asked again.

        Raises NotPrepared.
        """
        try:
            await take(Stage.MAIL, lambda: step(line.client))
        except NotPrepared:
            if not line.kept:
                raise
            await _leave(line.client)
            line.client, line.kept = await self._opened(), False
            await take(Stage.MAIL, lambda: step(line.client))

    async def close(self) -> None:
        kept = list(self._kept)
        for hanging_up in self._kept.values():
            hanging_up.cancel()
        self._kept.clear()
        await asyncio.gather(*map(_leave, kept))

    def _take_kept(self) -> SMTP | None:
        """The one that was used last, if any still stands."""
        while self._kept:
            client, hanging_up = self._kept.popitem()
            hanging_up.cancel()
            if client.is_connected:
                return client
        return None

    async def _hang_up(self, client: SMTP) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        del self._kept[client]
        await _leave(client)

    async def _opened(self) -> SMTP:
        from aiosmtplib import SMTP

        client = SMTP(
            hostname=self.server.host,
            port=self.server.port,
            timeout=self.server.command_seconds,
            local_hostname=self.local_hostname,
            use_tls=self.server.tls == "tls",
            start_tls=False,
            tls_context=self.context,
        )
        try:
            for stage, step in self._to_the_door(client):
                await take(stage, step)
        except BaseException:
            await _leave(client)
            raise
        return client

    def _to_the_door(self, client: SMTP) -> Iterator[Step]:
        """Lazily: what a later step asks for depends on what the server said before."""
        yield Stage.CONNECT, client.connect
        yield Stage.HELLO, lambda: _hello(client)
        if self.server.tls == "starttls":
            yield Stage.TLS, client.starttls
            yield Stage.HELLO, lambda: _hello(client)
        if self.server.username:
            yield Stage.AUTH, lambda: client.login(self.server.username, self.server.password)


async def take(stage: Stage, step: Callable[[], Awaitable[object]]) -> None:
    """A step before DATA, where nothing can be unknown. Raises NotPrepared."""
    from aiosmtplib.errors import SMTPException

    try:
        await step()
    except (SMTPException, OSError, ssl.SSLError, ValueError) as error:
        outcome = of_error(stage, error)
        definite = outcome if isinstance(outcome, Refused) else None
        raise NotPrepared(definite or Refused("unexpected", provider_wide=True)) from error


def of_error(stage: Stage, error: Exception) -> Outcome:
    """What came instead of the reply that was expected."""
    from aiosmtplib.errors import SMTPResponseException

    if isinstance(error, SMTPResponseException):
        return of_reply(stage, error.code, error.message)
    if isinstance(error, ValueError) and not isinstance(error, OSError):  # a certificate is both
        return Refused(f"{stage}_bad_address")
    return of_silence(stage, "timeout" if isinstance(error, TimeoutError) else "lost")


async def _leave(client: SMTP) -> None:
    """QUIT where there is somebody to say it to; no mail's fate hangs on it."""
    with suppress(Exception):
        if client.is_connected:
            await client.quit(timeout=QUIT_SECONDS)
    client.close()


async def _hello(client: SMTP) -> None:
    from aiosmtplib.errors import SMTPHeloError

    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()
