"""One run: customers, browsers, processes and what goes wrong, until everything is settled."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path

import msgspec

from libs.errors import Unavailable
from libs.ledger.events import Rules
from libs.ledger.record import LeadKey, State
from libs.messages.lead import ConsiderLead
from libs.messages.mail import DeliveryEvent
from libs.messages.streams import LEAD_CONSIDER, MAIL_EVENT
from libs.shops.profile import Shops, load_shops
from libs.streams.envelope import seal
from libs.streams.lanes import lane_of
from tests.simulation.checker import Checker, Violation
from tests.simulation.customers import SHOP, Script, scripts
from tests.simulation.faults import Faults, Plan, at_once
from tests.simulation.front import Front
from tests.simulation.loop import PROCESS, SimLoop, SimProcess
from tests.simulation.processes import EPOCH, Parts, run_process
from tests.simulation.provider import Provider
from tests.simulation.stores import open_stores

SESSION_SECONDS = 600.0
SETTLE_SECONDS = 4 * 3600.0
"""I8: within this time after the last fault everything is settled."""
AFTERMATH_SECONDS = 1000.0
"""Longer than any request may still be on its way."""
KINDS = ("session", "lead", "mailer")
BAD_REQUEST = 400


class Result(msgspec.Struct, frozen=True, kw_only=True):
    plan: Plan
    violations: tuple[str, ...]
    """Invariant and sentence."""
    seconds: float
    steps: int
    crashes: int
    struck: tuple[tuple[int, str, float, str], ...]
    sends: int
    flagged: int
    unflagged: int
    lost: int
    leads: int
    model_calls: int
    sending_calls: int
    trace: str

    @property
    def broken(self) -> frozenset[str]:
        """The names of the invariants that did not hold."""
        return frozenset(violation.partition(":")[0] for violation in self.violations)


class TrueClock:
    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return EPOCH + self._loop.time()

    def boot(self) -> float:
        return self._loop.time()


class World:
    def __init__(self, plan: Plan, loop: SimLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.clock = TrueClock(loop)
        self.shops = shops()
        self.rules = Rules(policy=plan.policy)  # type: ignore[arg-type]
        profile = self.shops.by_slug[SHOP]
        self.checker = Checker(self.rules, frozenset({*profile.recipients, "ops@example.com"}))
        self.faults = Faults(plan, loop)
        self.faults.on_crash = self._restart_later
        self.faults.on_excuse = self.checker.excuse
        self.stores = open_stores(self.checker, self.faults, self.clock)
        self.provider = Provider(self.faults, self.checker, self.clock.now, self._deliver)
        self.rng = random.Random(f"{plan.seed}:world")
        self.scripts = scripts(plan.seed, plan.threads)
        self.processes: dict[str, SimProcess] = {}
        self._ids = 0

    async def run(self) -> None:
        for kind in KINDS:
            for number in (1, 2):
                self._start(f"{kind}-{number}")
        self._start("gateway-1")
        visits = [self.loop.create_task(self._visit(script)) for script in self.scripts]
        nemesis = self.loop.create_task(self._nemesis())
        await asyncio.gather(*visits)
        await self._settle()
        await asyncio.sleep(AFTERMATH_SECONDS)
        nemesis.cancel()
        with_contact = {script.key for script in self.scripts if script.has_contact}
        told = {key for key in with_contact if self._was_told(key)}
        self.checker.at_the_end(self.stores.records.leads, with_contact, told)

    def _start(self, name: str) -> None:
        """Number 1 of each kind shares a machine, and so does number 2."""
        kind, _, number = name.partition("-")
        process = SimProcess(name, f"machine-{number}")
        self.processes[name] = process
        parts = self._parts(process)
        if kind == "gateway":
            self.gateway = parts
            self.front = Front(parts)
            return
        context = copy_context()
        context.run(PROCESS.set, process)
        self.loop.create_task(self._live(kind, parts), context=context)

    async def _live(self, kind: str, parts: Parts) -> None:
        """A process ends when it is killed; one that ends by itself has a bug."""
        try:
            await run_process(kind, parts)
        except Exception as error:  # noqa: BLE001 - whatever it was, it was not caught
            self.checker.fail("died", f"{parts.process.name}: {_innermost(error)!r}")
            parts.process.die()
            self._restart_later(parts.process)

    def _parts(self, process: SimProcess) -> Parts:
        return Parts(
            process=process,
            stores=self.stores,
            provider=self.provider,
            faults=self.faults,
            shops=self.shops,
            rules=self.rules,
            new_id=self._new_id,
            rng=self.rng,
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"id{self._ids}"

    def _restart_later(self, process: SimProcess) -> None:
        """Whatever supervises our processes."""
        self.loop.later(self.faults.rng.uniform(1, 30), self._start, process.name)

    def _deliver(self, event: DeliveryEvent) -> None:
        """The provider's queue keeps an event until it is in our stream."""
        at_once(lambda: self.stores.broker.add(lane_of(MAIL_EVENT, event), seal(event)))

    async def _visit(self, script: Script) -> None:
        watched_until = 0.0
        began = self.loop.time()
        browser = self.loop.create_task(self._browser(script, began))
        for wait, text in script.messages:
            await asyncio.sleep(wait)
            if self.loop.time() >= watched_until:
                await self._open_session(script)
                watched_until = self.loop.time() + SESSION_SECONDS
            self.stores.conversations.say(script, text, self.clock.now())
            await self._turn_ended(script)
        await browser

    async def _browser(self, script: Script, began: float) -> None:
        for at, reason in script.triggers:
            await asyncio.sleep(max(0.0, began + at - self.loop.time()))
            if script.key in self.stores.conversations.threads:
                status = await self.front.trigger(script, reason)
                if status < BAD_REQUEST:
                    self.checker.on_202(script.key, kept=self._is_kept(script))

    async def _open_session(self, script: Script) -> None:
        """No session, no chat. The visitor tries again."""
        while await self.front.open_session(script) >= BAD_REQUEST:
            await asyncio.sleep(10)

    async def _turn_ended(self, script: Script) -> None:
        """As the chat service does after each turn."""
        wish = ConsiderLead(
            shop=script.key.shop,
            thread_id=script.key.thread_id,
            reason="auto",
            visitor=script.visitor,
        )
        with suppress(Unavailable):
            await self.gateway.streams.publish(wish)
            self.checker.on_202(script.key, kept=self._is_kept(script))

    def _is_kept(self, script: Script) -> bool:
        """I9: the trigger is in the stream, or a timer or a watch will come back to it."""
        if script.key in self.stores.records.leads:
            return True
        if (script.key.shop, script.visitor) in self.stores.records.watches:
            return True
        lane = self.stores.broker._lane(f"{LEAD_CONSIDER.name}:0")
        wanted = script.key.thread_id.encode()
        return any(wanted in body for body in lane.entries.values())

    async def _nemesis(self) -> None:
        """Once a minute: what happens to whole machines and to Redis."""
        while self.loop.time() < self.plan.fault_seconds:
            await asyncio.sleep(60)
            if self.faults.strikes("redis.flushed"):
                self.stores.flush_redis()
            if self.faults.strikes("redis.tail_lost"):
                restore = self.stores.photograph_redis()
                await asyncio.sleep(1)
                restore()
            for process in self.processes.values():
                if self.faults.strikes("process.clock_step", process.name):
                    process.clock_offset = self.faults.rng.uniform(-60, 60)
        for process in self.processes.values():
            process.clock_offset = 0.0
            if process.asleep:
                self.loop.wake(process)

    async def _settle(self) -> None:
        """At best at once, at worst four hours after the last fault."""
        until = self.plan.fault_seconds + SETTLE_SECONDS
        wanted = [script.key for script in self.scripts if script.has_contact]
        while self.loop.time() < until and not all(self._settled(key) for key in wanted):
            await asyncio.sleep(60)

    def _was_told(self, key: LeadKey) -> bool:
        named = f"why {key.thread_id}".encode()
        return any(mail.kind == "alert" and named in mail.body for mail in self.provider.taken)

    def _settled(self, key: LeadKey) -> bool:
        record = self.stores.records.leads.get(key)
        if record is None:
            return False
        return record.state is State.SENT or (record.state is State.HELD and record.due_at is None)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@cache
def shops() -> Shops:
    return load_shops(Path(__file__).parents[2] / "deploy" / "shops")


def simulate(plan: Plan) -> Result:
    """The same plan, the same result, to the last bit of the trace."""
    loop = SimLoop(str(plan.seed))
    world = World(plan, loop)
    checker = world.checker
    loop.set_exception_handler(
        lambda _, told: checker.fail("died", f"{told['message']}: {told.get('exception')!r}")
    )
    try:
        loop.run_until_complete(world.run())
    except AssertionError as error:
        checker.fail("I8", f"the world stands still or turns in circles: {error}")
    finally:
        seconds, steps = loop.time(), loop.steps
        loop.set_exception_handler(lambda *_: None)
        loop.bury()
    wanted = [script.key for script in world.scripts if script.has_contact]
    return Result(
        plan=plan,
        violations=tuple(str(violation) for violation in checker.violations),
        seconds=seconds,
        steps=steps,
        crashes=world.faults.crashes,
        struck=tuple(world.faults.struck),
        sends=checker.sends,
        flagged=checker.flagged,
        unflagged=checker.unflagged,
        lost=sum(not world._settled(key) for key in wanted),
        leads=len(wanted),
        model_calls=sum(len(calls) for calls in checker.model_calls.values()),
        sending_calls=world.faults.sending_calls,
        trace=world.faults.trace.hexdigest(),
    )


__all__ = ["Result", "Violation", "simulate"]
