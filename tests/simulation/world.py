"""One run: customers, browsers, processes and what goes wrong, until everything is settled."""

from __future__ import annotations

import asyncio
import random
from contextvars import copy_context
from functools import cache
from pathlib import Path

import msgspec

from libs.ledger.events import Rules
from libs.ledger.record import LeadKey, LeadRecord, State
from libs.messages.mail import DeliveryEvent
from libs.messages.streams import MAIL_EVENT
from libs.shops.profile import Shops, load_shops
from libs.streams.envelope import seal
from libs.streams.lanes import lane_of
from tests.simulation.checker import Checker, Violation
from tests.simulation.customers import SHOP, scripts
from tests.simulation.faults import Faults, at_once
from tests.simulation.front import Front
from tests.simulation.loop import PROCESS, SimLoop, SimProcess
from tests.simulation.plan import Plan
from tests.simulation.processes import ALERT_TO, EPOCH, Parts, run_process
from tests.simulation.provider import Provider
from tests.simulation.stores import open_stores
from tests.simulation.visits import Operator, Visits

SETTLE_SECONDS = 4 * 3600.0
"""I8: within this time after the last fault everything is settled."""
LAST_LOOK_SECONDS = 150.0
"""One more sweep, when nothing is on its way."""
KINDS = ("session", "lead", "mailer", "gateway")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    plan: Plan
    violations: tuple[str, ...]
    """Invariant and sentence."""
    seconds: float
    crashes: int
    wakes: int
    struck: tuple[tuple[int, str, float, str], ...]
    sends: int
    by_fallback: int
    flagged: int
    unflagged: int
    second: int
    """Second mails of a lead, flagged or not."""
    by_event: int
    """Leads armed again and then settled by a delivery event."""
    unmailed: int
    """Leads held before any mail of theirs was taken."""
    decided: int
    """What a person had sent or settled."""
    lost: int
    leads: int
    model_calls: int
    walked_calls: tuple[str, ...]
    """Where each port call was that the plan counts, in their order."""
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
        self.rules = Rules(policy=plan.policy)
        recipients = frozenset(self.shops.by_slug[SHOP].recipients)
        self.checker = Checker(self.rules, recipients, ALERT_TO)
        self.faults = Faults(plan, loop)
        self.faults.on_crash = self._restart_later
        self.faults.on_excuse = self.checker.on_excuse
        if plan.lies_alone:
            self.faults.on_lie = self.checker.on_lie
        self.stores = open_stores(self.checker, self.faults, self.clock)
        self.provider = Provider(self.faults, self.checker, self.clock.now, self._deliver)
        self.rng = random.Random(f"{plan.seed}:world")
        self.scripts = scripts(plan.seed, plan.threads, patient=plan.patient, late=plan.late)
        self.processes: dict[str, SimProcess] = {}
        self.faults.handed = self.stores.handed
        self.fronts: dict[str, Front] = {}
        self.operator = Operator(self.stores, self.checker, self.shops, self.clock)
        self._ids = 0

    async def run(self) -> None:
        for kind in KINDS:
            for number in (1, 2):
                self._start(f"{kind}-{number}")
        fronts, clock = tuple(self.fronts), self.clock
        visits = Visits(
            self.stores, self.checker, fronts, self.fronts.__getitem__, self.loop, clock, self.rng
        )
        customers = [self.loop.create_task(visits.visit(script)) for script in self.scripts]
        others = [self.loop.create_task(self._nemesis())]
        if self.plan.operator:
            others.append(self.loop.create_task(self.operator.work()))
        await asyncio.gather(*customers)
        await self._settle()
        await asyncio.sleep(LAST_LOOK_SECONDS)
        for other in others:
            if not other.done():  # a cancelled one would not be heard any more
                other.cancel()
        with_contact = {script.key for script in self.scripts if script.has_contact}
        told = {key for key in with_contact if self._was_told(key) and not self.plan.operator}
        self.checker.at_the_end(self.stores.records.leads, with_contact, told)

    def _start(self, name: str) -> None:
        """Number 1 of each kind shares a machine, and so does number 2."""
        kind, _, number = name.partition("-")
        process = SimProcess(name, f"machine-{number}")
        self.processes[name] = process
        parts = self._parts(process)
        if kind == "gateway":
            self.fronts[name] = Front(parts)
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

    async def _nemesis(self) -> None:
        """Once a minute: what happens to whole machines and to Redis."""
        while self.loop.time() < self.plan.fault_seconds:
            await asyncio.sleep(60)
            if self.faults.strikes("redis.flushed"):
                self.checker.excuses_of_all.append(self.loop.time())
                self.stores.flush_redis()
            if self.faults.strikes("redis.tail_lost"):
                self.checker.excuses_of_all.append(self.loop.time())
                restore = self.stores.photograph_redis()
                await asyncio.sleep(1)
                restore()
            for process in self.processes.values():
                if self.faults.strikes("process.clock_step", process.name):
                    process.clock_offset = self.faults.rng.uniform(-60, 60)
        for process in self.processes.values():
            process.clock_offset = 0.0
            self.faults.wake(process)

    async def _settle(self) -> None:
        """At best at once, at worst four hours after the last fault and the last word.

        A run also lasts until nothing is on its way any more: a late write, an event, a sleeper.
        """
        until = max(self.plan.fault_seconds, self.loop.time()) + SETTLE_SECONDS
        wanted = [script.key for script in self.scripts if script.has_contact]
        while self.loop.time() < until and not all(self._settled(key) for key in wanted):
            await asyncio.sleep(60)
        while self.loop.on_their_way:
            await asyncio.sleep(60)

    def _was_told(self, key: LeadKey) -> bool:
        named = f"why {key.thread_id}".encode()
        return any(mail.kind == "alert" and named in mail.body for mail in self.provider.taken)

    def _settled(self, key: LeadKey) -> bool:
        """Whether nothing more happens by itself; what is held is settled where nobody acts."""
        record = self.stores.records.leads.get(key)
        if record is None:
            return False
        held = record.state is State.HELD and record.due_at is None
        return record.state is State.SENT or (held and not self.plan.operator)


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
        seconds = loop.time()
        for error in loop.unheard():
            checker.fail("died", f"nobody heard of {error!r}")
        loop.set_exception_handler(lambda *_: None)
        loop.bury()
    return _result(world, seconds)


def _result(world: World, seconds: float) -> Result:
    checker, faults, leads = world.checker, world.faults, world.stores.records.leads
    wanted = [script.key for script in world.scripts if script.has_contact]
    states = {key: leads[key].state if key in leads else None for key in wanted}
    return Result(
        plan=world.plan,
        violations=tuple(str(violation) for violation in checker.violations),
        seconds=seconds,
        crashes=faults.crashes,
        wakes=faults.wakes,
        struck=tuple(faults.struck),
        sends=checker.sends,
        by_fallback=checker.by_fallback,
        flagged=checker.flagged,
        unflagged=checker.unflagged,
        second=checker.second,
        by_event=sum(_late_event(record) for record in leads.values()),
        unmailed=sum(
            state is State.HELD and not checker.accepts.get(key) for key, state in states.items()
        ),
        decided=world.operator.decided,
        lost=sum(state not in {State.SENT, State.HELD} for state in states.values()),
        leads=len(wanted),
        model_calls=sum(len(calls) for calls in checker.model_calls.values()),
        walked_calls=tuple(faults.walked_calls),
        trace=faults.trace,
    )


def _late_event(record: LeadRecord) -> bool:
    return record.sent_by == "event" and bool(record.ambiguous)


__all__ = ["Result", "Violation", "simulate"]
