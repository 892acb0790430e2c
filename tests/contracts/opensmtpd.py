"""OpenSMTPD as a post office: its own process, queue and control socket, seen by nobody else.

Where a mail waits and where the control socket stands is built into the program, so it runs in a
mount namespace with folders of ours in these places. What it took is read from its queue, which
is on disk before it says 250; where mails would go on to, nobody listens.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from libs.runtime.clock import SystemClock
from services.mailer.adapters.smtp import SmtpServer, SmtpTransport
from tests import needs
from tests.contracts.post_offices import Proxy
from tests.servers import await_port, free_port

LARGEST_BYTES = 10 * 1024 * 1024
_CONFIGURED = """
smtp max-message-size {largest}
table shop {{ "owner@shop.example" }}
listen on 127.0.0.1 port {port} hostname server.test
action "keep" relay host "smtp://127.0.0.1:1"
match from any for rcpt-to <shop> action "keep"
"""
_IN_PLACES_OF_ITS_OWN = (
    'mount --bind "$1" /var/spool && mount -t tmpfs none /run && exec "$2" -d -f "$3"'
)


@dataclass(frozen=True)
class OpenSmtpd:
    port: int
    spool: Path

    def queued(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.spool.glob("smtpd/queue/*/*/message")}


@contextlib.contextmanager
def opensmtpd(folder: Path) -> Iterator[OpenSmtpd]:
    program = shutil.which("smtpd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        needs.missing("smtpd (Debian: opensmtpd)")
    if os.geteuid() != 0:
        needs.missing("root, which OpenSMTPD wants to be started by")
    server = OpenSmtpd(free_port(), folder / "spool")
    server.spool.mkdir()
    configured = folder / "smtpd.conf"
    configured.write_text(_CONFIGURED.format(largest=LARGEST_BYTES, port=server.port))
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]
    process = subprocess.Popen(
        [*apart, _IN_PLACES_OF_ITS_OWN, "sh", str(server.spool), program, str(configured)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(server.port)
        yield server
    finally:
        process.kill()  # with its namespace all of its processes end
        process.wait(timeout=60)


class OpenSmtpdOffice:
    """PostOffice, but for refusals on request: its answers are its own."""

    def __init__(self, server: OpenSmtpd, proxy: Proxy, transport: SmtpTransport) -> None:
        self.proxy, self.transport, self._server = proxy, transport, server
        self._before = server.queued().keys()

    def arrived(self) -> list[bytes]:
        """Without the header that it adds, and with the line ends that it takes away."""
        queued = self._server.queued()
        return [_as_sent(queued[path]) for path in queued.keys() - self._before]

    def refuse_this(self) -> None:
        raise NotImplementedError("nobody tells it what to refuse")

    def refuse_everybody(self) -> None:
        raise NotImplementedError("nobody tells it what to refuse")

    def lose_reply(self) -> None:
        self.proxy.cut_after = b"\r\n.\r\n"

    async def vanish(self) -> None:
        await self.proxy.close()


@contextlib.asynccontextmanager
async def opensmtpd_office(server: OpenSmtpd) -> AsyncIterator[OpenSmtpdOffice]:
    async with Proxy(server.port) as proxy:
        there = SmtpServer(
            host="127.0.0.1", port=proxy.port, tls="none", command_seconds=20, dot_seconds=20
        )
        transport = SmtpTransport(there, SystemClock(), "client.test")
        yield OpenSmtpdOffice(server, proxy, transport)


def _as_sent(message: bytes) -> bytes:
    assert message.startswith(b"Received: from client.test ")
    lines = message.split(b"\n")
    first = next(number for number, line in enumerate(lines[1:], 1) if not line.startswith(b"\t"))
    return b"\r\n".join(lines[first:])
