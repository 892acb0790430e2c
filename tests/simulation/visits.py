"""What the people of a run do: customers who chat, their browsers, and a person who is alerted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from libs.errors import Unavailable
from libs.ledger.record import LeadRecord, State
from libs.runtime.clock import Clock
from libs.runtime.settings import CommonSettings
from libs.shops.profile import Shops
from ops.decisions import resend
from ops.desk import Desk
from tests.simulation.checker import Checker
from tests.simulation.customers import Script, say
from tests.simulation.front import QUEUED, Front
from tests.simulation.keeping import is_kept
from tests.simulation.loop import SimLoop
from tests.simulation.stores import Stores

SESSION_SECONDS = 600.0
TRY_AGAIN_SECONDS = 10.0
OPERATOR_SECONDS = 600.0
REFUSED = 400


@dataclass
class Visits:
    stores: Stores
    checker: Checker
    fronts: Sequence[str]
    front: Callable[[str], Front]
    """The gateway process that bears this name now."""
    loop: SimLoop
    clock: Clock
    rng: random.Random

    async def visit(self, script: Script) -> None:
        began, watched_until = self.loop.time(), 0.0
        browser = self.loop.create_task(self._browser(script, began))
        for wait, text in script.messages:
            await asyncio.sleep(wait)
            if self.loop.time() >= watched_until:
                await self._open_session(script)
                watched_until = self.loop.time() + SESSION_SECONDS
            say(self.stores.conversations, script, text, self.clock.now())
            await self._asked(script, lambda front: front.turn_ended(script))
        await browser

    async def _browser(self, script: Script, began: float) -> None:
        for at, reason in script.triggers:
            await asyncio.sleep(max(0.0, began + at - self.loop.time()))
            if (script.key.shop, script.key.thread_id) in self.stores.conversations.threads:
                await self._asked(script, lambda front, why=reason: front.trigger(script, why))

    async def _open_session(self, script: Script) -> None:
        """No session, no chat. The visitor tries again."""
        while await self._any_front().open_session(script) >= REFUSED:
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _asked(self, script: Script, ask: Callable[[Front], Awaitable[int]]) -> None:
        before = len(self.stores.took)
        if await ask(self._any_front()) == QUEUED:
            wanted = script.key.thread_id.encode()
            taken = any(wanted in body for body in self.stores.took[before:])
            self.checker.on_202(script.key, taken=taken, kept=is_kept(self.stores, script.key))

    def _any_front(self) -> Front:
        return self.front(self.rng.choice(self.fronts))


@dataclass
class Operator:
    """Reads the alerts; looks whether the mail arrived, and has it sent or settled."""

    stores: Stores
    checker: Checker
    shops: Shops
    clock: Clock
    decided: int = 0

    async def work(self) -> None:
        while True:
            await asyncio.sleep(OPERATOR_SECONDS)
            for record in list(self.stores.records.leads.values()):
                if record.state is State.HELD and record.due_at is None:
                    await self._decide(record)

    async def _decide(self, record: LeadRecord) -> None:
        stores, key = self.stores, record.key
        desk = Desk(
            settings=CommonSettings(), shops=self.shops, records=stores.records, blobs=stores.blobs,
            conversations=stores.conversations, clock=self.clock, streams=None,
        )  # fmt: skip
        self.checker.on_operator(key)
        arrived = bool(self.checker.accepts.get(key))
        try:
            await resend(desk, key.thread_id, attempt=record.attempt, arrived=arrived)
        except Unavailable:
            return  # the command says so, and they ask again
        self.decided += 1
