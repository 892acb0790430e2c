"""Chat sessions for tests: they count, wait and fail as told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from libs.identity.sessions import SESSION_SECONDS
from libs.runtime.clock import Clock
from services.session.ports import CannotMint, Mode, Ticket, Wanted


@dataclass
class ScriptedChatSessions:
    """ChatSessions. Waits for `gate`, then raises the next of `problems` or gives a ticket."""

    clock: Clock
    mode: Mode = "own"
    created: list[Wanted] = field(default_factory=list)
    problems: list[CannotMint] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def create(self, wanted: Wanted) -> Ticket:
        self.created.append(wanted)
        await self.gate.wait()
        if self.problems:
            raise self.problems.pop(0)
        expires = int(self.clock.now()) + SESSION_SECONDS
        return Ticket(client_secret=f"secret-{len(self.created)}", expires_at=expires)
