"""A mail server that counts what it accepted: the only witness that these tests believe."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.servers import free_port

IDLE_SECONDS = 20.0
"""It hangs up on a sender that says nothing; shorter than the fence, as any server's must be."""
SLOW_SECONDS = 0.3
"""How long a real one takes to scan a mail; in that time its sender may die."""


@dataclass
class Mailbox:
    """aiosmtpd's handler. Half of the mails count before the slow part, half only after it."""

    port: int = 0
    leads: list[tuple[str, bool]] = field(default_factory=list)
    """Thread, and whether the subject says that it may be a copy; in order of acceptance."""
    alerts: list[str] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.rng.random() < 0.5:
            self.accept(envelope.content)
            await asyncio.sleep(SLOW_SECONDS)
        else:
            await asyncio.sleep(SLOW_SECONDS)
            self.accept(envelope.content)
        return "250 2.0.0 Ok: queued as ABC123"

    def accept(self, body: bytes) -> None:
        mail = email.message_from_bytes(body, policy=email.policy.default)
        subject = str(mail["Subject"])
        if thread := mail["X-Handoff-Thread"]:
            self.leads.append((str(thread), "(possible copy)" in subject))
        else:
            self.alerts.append(subject)


class _Server(Controller):
    def factory(self) -> SMTP:
        return SMTP(
            self.handler, hostname="mail.test", loop=self.loop, timeout=IDLE_SECONDS,
            **self.SMTP_kwargs,
        )  # fmt: skip


@contextlib.contextmanager
def mailbox(**offers: Any) -> Iterator[Mailbox]:
    """In a thread of its own, so that a busy test does not make it slow. `offers`: aiosmtpd's."""
    box = Mailbox(free_port())
    server = _Server(box, hostname="127.0.0.1", port=box.port, **offers)
    server.start()
    try:
        yield box
    finally:
        server.stop()
