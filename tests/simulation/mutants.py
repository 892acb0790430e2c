"""Known-bad edits of the real code, each with the invariant that must catch it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec
from msgspec.structs import replace

from tests.forking import fork_server
from tests.simulation.plan import Plan


class Edit(msgspec.Struct, frozen=True):
    module: str
    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True):
    name: str
    caught_by: str
    edits: tuple[Edit, ...]


_HANDLERS: Final = "services.mailer.handlers"
_ATTEMPTS: Final = "libs.ledger.attempts"

MUTANTS: Final = (
    Mutant("no_arm", "I6", (
        Edit(_HANDLERS,
             "applied = await apply_to(record, self.records, job.key, arm, self.clock, rules)",
             "found = await self.records.read(job.key)\n"
             "        applied = Applied(events.Write(found, None), found)"),
    )),
    Mutant("arm_refusal_ignored", "I6", (
        Edit(_HANDLERS, "if not applied.wrote:", "if applied.why == 'newer_items':"),
    )),
    Mutant("conflict_is_success", "I6", (
        Edit("libs.ledger.apply", "    return False\n", "    return True\n"),
    )),
    Mutant("lost_arm_is_armed", "I6", (
        Edit("libs.ledger.apply", "        raise unsure\n", "        return True\n"),
    )),
    Mutant("expired_lease_takes_over", "I2", (
        Edit("services.mailer.resolver", "if not is_due(record, self.clock.now()):", "if False:"),
        Edit("services.mailer.resolver", "and is_due(record, now)", ""),
        Edit(_ATTEMPTS, "if record.state is not State.PENDING and not is_due(record, now):",
             "if record.state is State.ERROR and not is_due(record, now):"),
        Edit(_ATTEMPTS, '    if not is_due(record, now):\n        return Nothing("in_progress")\n',
             ""),
    )),
    Mutant("no_windows", "I2", (
        Edit(_ATTEMPTS,
             "now + rules.fence_seconds + rules.evidence_seconds + 2 * rules.skew_seconds",
             "now + 60"),
    )),
    Mutant("no_time_for_events", "I2", (
        Edit("services.mailer.adapters.ses", "evidence_seconds=1200", "evidence_seconds=0"),
    )),
    Mutant("a_fence_too_low", "I2", (
        Edit("services.mailer.adapters.smtp", "fence_seconds=900", "fence_seconds=60"),
    )),
    Mutant("copy_not_marked", "I1", (
        Edit("libs.ledger.states",
             "return record.possible_duplicate or bool(record.ambiguous)"
             " or record.state is State.SENDING",
             "return False"),
    )),
    Mutant("refusal_drops_the_flag", "I14", (
        Edit(_ATTEMPTS, "        plainer=record.plainer + (event.of_content or again),",
             "        possible_duplicate=False,\n        ambiguous=(),"),
    )),
    Mutant("never_plainer", "I8", (
        Edit(_ATTEMPTS, "plainer=record.plainer + (event.of_content or again)", "plainer=0"),
    )),
    Mutant("a_full_disk_is_a_try", "I8", (
        Edit(_ATTEMPTS, "event.provider_wide or event.temporary", "event.provider_wide"),
    )),
    Mutant("silent_about_a_recipient", "I8", (
        Edit(_HANDLERS, "job.arm(copy, ends_at, ready.passed_over)", "job.arm(copy, ends_at, '')"),
    )),
    Mutant("timeout_is_a_refusal", "I1", (
        Edit(_HANDLERS,
             "                self.reports.unknown(job, ready.transport, unknown)\n"
             "                return record\n",
             "                return await self._refused(job, '', Refused(unknown.code))\n"),
    )),
    Mutant("client_retries", "I1", (
        Edit(_HANDLERS, "outcome = await ready.send()",
             "outcome = await ready.send()\n"
             "        if isinstance(outcome, Unknown):\n"
             "            outcome = await ready.send()"),
    )),
    Mutant("fallback_after_silence", "I1", (
        Edit("services.mailer.adapters.fallback", "outcome = await self.ready.send()\n",
             "outcome = await self.ready.send()\n"
             "        if isinstance(outcome, Unknown) and self.refused is not _ignore:\n"
             "            from services.mailer.ports import made\n"
             "            second = self.refused.func.__self__.second\n"
             "            async with second.prepare(made(self.ready.mail)) as other:\n"
             "                return await other.send()\n"),
    )),
    Mutant("sent_is_not_final", "I4", (
        Edit("libs.ledger.states", "    return Nothing(WHY[record.state])\n\n\ndef _not_now",
             "    if record.state is State.SENT:\n"
             "        return next_record(record, now, 'again', state=State.PENDING, due_at=now)\n"
             "    return Nothing(WHY[record.state])\n\n\ndef _not_now"),
        Edit("services.lead.gates", "    if record and state is State.SENT:\n", "    if 0:\n"),
        Edit("services.lead.gates", "case.record.state is not State.PENDING:",
             "case.record.state in {State.CLOSED, State.ERROR, State.SENT}:"),
        Edit("services.lead.gates", "case.record.state is State.ERROR:\n        return Considered",
             "case.record.state in {State.ERROR, State.SENT}:\n        return Considered"),
    )),
    Mutant("bounced_is_sent_again", "I4", (
        Edit(_ATTEMPTS, "record, now, failed, delivery=failed, due_at=now + TELL_SECONDS,",
             "record, now, failed, delivery=failed, state=State.ERROR, due_at=now,"),
    )),
    Mutant("no_sweeper", "I8", (
        Edit("libs.ledger.sweep", "for record in page.records]", "for record in ()]"),
    )),
    Mutant("first_delivery_or_never", "I8", (
        Edit("services.lead.handlers", "        wish, nonce = _named(delivery), ",
             "        if delivery.attempt > 1:\n            return\n"
             "        wish, nonce = _named(delivery), "),
        Edit("libs.ledger.sweep", "for record in page.records]", "for record in ()]"),
        Edit("services.lead.watches", "watched = await self.end_due_watches()", "watched = 0"),
    )),
    Mutant("redis_is_believed", "I8", (
        Edit("libs.ledger.sweep", "for record in page.records]", "for record in ()]"),
        Edit("services.lead.watches", "watched = await self.end_due_watches()", "watched = 0"),
    )),
    Mutant("nobody_looks_again", "I10", (
        Edit("libs.ledger.states", "        due_at=event.due_at,\n        reason=event.reason,\n",
             "        due_at=None,\n        reason=event.reason,\n"),
    )),
    Mutant("attempt_stands_still", "I3", (
        Edit(_ATTEMPTS, "if event.attempt != record.attempt + 1:", "if False:"),
        Edit("services.mailer.job", "attempt=record.attempt + 1,", "attempt=1,"),
    )),
    Mutant("slept_through_an_attempt", "I6", (
        Edit(_ATTEMPTS, "if event.attempt != record.attempt + 1:", "if False:"),
        Edit(_ATTEMPTS, "attempt=event.attempt,", "attempt=record.attempt + 1,"),
    )),
    Mutant("one_nonce_for_all", "I3", (
        Edit(_HANDLERS, "self.new_id(), self.clock.now())", "'mine', self.clock.now())"),
    )),
    Mutant("late_launch", "I7", (
        Edit(_HANDLERS,
             "if self.clock.boot() - ready.prepared_at > LAUNCH_SECONDS:  # 7", "if False:"),
    )),
    Mutant("copy_to_a_stranger", "I12", (
        Edit("services.mailer.job", "recipients=tuple(address(each) for each in shop.recipients),",
             "recipients=(*map(address, shop.recipients), 'customer@example.org'),"),
    )),
    Mutant("watch_ends_first", "I8", (
        Edit("services.lead.watches", "await self._make_due(watch, key, owner, record)", "pass"),
    )),
    Mutant("held_in_silence", "I8", (
        Edit("services.mailer.reports", "await self.alerts.settle(record)", "pass"),
    )),
    Mutant("summary_not_kept", "I11", (
        Edit("services.lead.summary.summaries", "cached := await self._cached(subject)",
             "cached := None"),
    )),
    Mutant("two_under_never_two", "I2", (
        Edit("libs.ledger.steps", 'rules.policy == "never_zero" and', ""),
    )),
    Mutant("hope_is_a_receipt", "I5", (
        Edit(_HANDLERS, "not isinstance(outcome, Accepted)", "isinstance(outcome, Refused)"),
        Edit(_HANDLERS, "job.receipt(outcome, self.clock.now())",
             "job.receipt(Accepted(), self.clock.now())"),
    )),
    Mutant("events_ignored", "I2", (
        Edit(_HANDLERS, "        event = delivery.message\n", "        return\n"),
    )),
    Mutant("receipts_ignored", "I2", (
        Edit("services.mailer.journal",
             "if found := await self._journalled(record):\n            return found\n",
             "return None\n"),
    )),
    Mutant("any_mark_is_a_receipt", "I5", (
        Edit("services.mailer.journal", "attempt_of(record, mark.lid) if mark",
             "record.attempt if mark"),
    )),
    Mutant("marks_of_the_last_attempt", "I2", (
        Edit("libs.ledger.steps", "return record.ambiguous_lids.get(lid, 0)", "return 0"),
    )),
    Mutant("202_without_publish", "I9", (
        Edit("services.gateway.handlers",
             "            await self.publisher.publish(wish)\n            return decisions.queued",
             "            return decisions.queued"),
    )),
    Mutant("only_the_watch_remembers", "I9", (
        Edit("services.lead.gates", "case Wait(reason=why, until=until):\n            return (",
             "case Wait(reason=why, until=until):\n            return () and ("),
        Edit("services.lead.watches", "await self._make_due(watch, key, owner, record)", "pass"),
    )),
    Mutant("dice_of_its_own", "I13", (
        Edit("services.lead.gates", "+ QUIET_MARGIN_SECONDS\n",
             "+ QUIET_MARGIN_SECONDS * __import__('random').random()\n"),
    )),
    Mutant("mail_to_nobody", "I12", (
        Edit("services.mailer.job", "recipients=tuple(address(each) for each in shop.recipients),",
             "recipients=(),"),
    )),
    Mutant("acked_before_it_is_handled", "I10", (
        Edit("libs.streams.attempt", "                await self._handler(\n",
             "                self._settler.ack(entry.id)\n"
             "                await self._handler(\n"),
    )),
    Mutant("healed_by_a_retry", "surprise", (
        Edit(_HANDLERS, "        shop = self.shops.get(wish.shop)\n",
             "        shop = self.shops.get(wish.shop)\n"
             "        if delivery.attempt == 1:\n            raise ValueError\n"),
    )),
    Mutant("rejected_at_once", "surprise", (
        Edit(_HANDLERS, "        shop = self.shops.get(wish.shop)\n",
             "        shop = self.shops.get(wish.shop)\n"
             "        if delivery.attempt == 2:\n            raise Rejected('')\n"),
    )),
    Mutant("a_cell_too_few", "surprise", (
        Edit(_ATTEMPTS,
             "arrival=event.event\n        )\n    return Nothing(WHY[record.state])",
             "arrival=event.event\n        )\n    return Refuse('no such cell')"),
    )),
    Mutant("lease_decides", "I15", (
        Edit(_HANDLERS, "if not applied.wrote:",
             "if not applied.wrote and applied.why != 'in_progress':"),
    )),
)  # fmt: skip

UNEDITED: Final = (
    "aiohttp.web", "redis.asyncio", "rich.console",
    "services.gateway.forms", "services.lead.contact.extract",
    "services.lead.summary.checked", "services.mailer.letter.build",
)  # fmt: skip
"""What takes long to import, and imports nothing that a mutant edits."""

BY_NAME: Final = {mutant.name: mutant for mutant in MUTANTS}
CAUGHT: Final = Path(__file__).with_name("caught.jsonl")
"""A plan that caught each, tried first to be quick; `--mutants` writes them anew."""


def caught_before(name: str) -> list[Plan]:
    known = (msgspec.json.decode(line, type=Plan) for line in CAUGHT.read_bytes().splitlines())
    return [plan for plan in known if plan.mutation == name]


def remember(replays: Iterable[str]) -> None:
    CAUGHT.write_text("".join(f"{line}\n" for line in sorted(replays)))


class _EditingLoader(SourceFileLoader):
    """Reads a module's source with a mutant's edits in it; never touches the bytecode cache."""

    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def path_stats(self, path: str) -> dict[str, int]:
        raise OSError("not cached")

    def get_data(self, path: str) -> bytes:
        source = super().get_data(path).decode()
        for edit in self._edits:
            if edit.old not in source:
                raise AssertionError(f"the mutant's text is not in {edit.module}: {edit.old!r}")
            source = source.replace(edit.old, edit.new)
        return source.encode()


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._edits: dict[str, list[Edit]] = {}
        for edit in mutant.edits:
            self._edits.setdefault(edit.module, []).append(edit)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._edits:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec
        assert spec.origin
        loader = _EditingLoader(fullname, spec.origin, self._edits[fullname])
        return importlib.machinery.ModuleSpec(fullname, loader, origin=spec.origin)


def become(name: str) -> None:
    """From now on this process imports the mutated code; nothing of it may be loaded yet."""
    mutant = BY_NAME[name]
    loaded = {edit.module for edit in mutant.edits} & set(sys.modules)
    assert not loaded, f"already imported: {loaded}"
    sys.meta_path.insert(0, _Finder(mutant))


def caught(name: str, seeds: int) -> tuple[str, str] | None:
    """The replay of what breaks its invariant, and how; imports the mutated code."""
    become(name)
    from tests.simulation import modes

    wanted = BY_NAME[name].caught_by
    _, broken = modes.mutated(name, caught_before(name), range(seeds), until=wanted)
    told = [each for each in broken if wanted in each.broken]
    return (modes.encode(told[-1].plan), "; ".join(told[-1].violations)) if told else None


def broken_without_faults(name: str) -> list[str]:
    """What the edit breaks where nothing goes wrong; imports the mutated code."""
    become(name)
    from tests.simulation import modes

    _, broken = modes.run(modes.clean(range(20)))
    return [violation for result in broken for violation in result.violations]


def broken_by_a_redis_that(lies: str, name: str) -> list[str]:
    """What the edit breaks where nothing else goes wrong."""
    become(name)
    from tests.simulation import modes

    plans = (replace(plan, enabled=frozenset({lies})) for plan in modes.liars(range(30)))
    _, broken = modes.run(plans)
    return [violation for result in broken for violation in result.violations]


def broken_by_a_dead_lead(name: str) -> list[str]:
    """What the edit breaks where nothing goes wrong but that one lead process dies, somewhere."""
    become(name)
    from tests.simulation import modes

    _, broken = modes.run(modes.crashes_of(modes.lead_path(modes.lone_visitor(1))))
    return [violation for result in broken for violation in result.violations]


@contextmanager
def laboratory() -> Iterator[ProcessPoolExecutor]:
    """For each mutant a process of its own, forked from one that has imported the rest."""
    context = fork_server(*UNEDITED)
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        yield pool
