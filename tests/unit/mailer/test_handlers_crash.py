"""The process dies before and after every call it makes; the lead still leaves, and once."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from libs.ledger.record import State
from libs.ledger.states import alert_owed
from libs.messages.mail import SendLeadMail
from libs.streams.port import Delivery
from services.mailer.ports import Mail, Outcome, Receipt
from tests.unit.mailer.parts import LEASE, Mailroom

LEASE_SECONDS = 121
RESOLVABLE = 300 + 1200 + 120

UNDECIDABLE = {("send", "after"), ("reply", "after"), ("journal.write", "before")}
"""Where nobody can know: the provider took the mail, and no receipt is anywhere yet."""


class Killed(BaseException):
    """The process is gone."""


class Executioner:
    """Counts the calls of one run, and kills at the one it was told to."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.seen: list[tuple[str, str]] = []

    def step(self, name: str, moment: str) -> None:
        self.seen.append((name, moment))
        if len(self.seen) - 1 == self.at:
            raise Killed(name)

    def watching(self, part: object, name: str) -> Any:
        """`part` behind a wrapper that may kill before and after each of its coroutines."""
        return _Watched(part, name, self)

    def fault(self) -> Callable[..., Any]:
        async def fault(moment: str, _: Mail) -> Outcome | None:
            self.step(moment, "before" if moment == "send" else "after")
            return None

        return fault


class _Watched:
    def __init__(self, part: object, name: str, executioner: Executioner) -> None:
        self._part, self._name, self._executioner = part, name, executioner

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._part, name)
        if not inspect.iscoroutinefunction(real):
            return real

        async def call(*given: Any, **named: Any) -> Any:
            self._executioner.step(f"{self._name}.{name}", "before")
            answer = await real(*given, **named)
            self._executioner.step(f"{self._name}.{name}", "after")
            return answer

        return call


async def run(policy: str, at: int | None) -> tuple[Mailroom, list[tuple[str, str]]]:
    """One lead whose first process dies at step `at`; then time passes and others go on."""
    room = Mailroom(policy=policy)
    await room.pending()
    killer, honest = Executioner(at), room.provider.fault
    whole = {
        "records": room.records, "blobs": room.blobs, "journal": room.journal,
        "conversations": room.conversations, "publisher": room.publisher, "marks": room.marks,
        "leases": room.leases,
    }  # fmt: skip
    for name, part in whole.items():
        setattr(room, name, killer.watching(part, name))
    room.provider.fault = killer.fault()
    with contextlib.suppress(Killed):
        await room.handlers().send(room.wish())
    for name, part in whole.items():
        setattr(room, name, part)
    room.provider.fault = honest
    await _afterwards(room, died=at is not None)
    return room, killer.seen


async def _afterwards(room: Mailroom, *, died: bool) -> None:
    """The stream delivers again, and the sweeper finds what is overdue."""
    if died:
        room.clock.at += LEASE_SECONDS
        await room.handlers().send(room.wish(attempt=2))
    for _ in range(3):
        room.clock.at += RESOLVABLE
        await room.sweep().once()
        for _, message in room.publisher.scheduled.values():
            if isinstance(message, SendLeadMail):
                await room.handlers().send(Delivery(message=message, entry_id="swept"))
            else:
                await room.handlers().send(room.wish())
        room.publisher.scheduled.clear()


async def steps() -> list[tuple[str, str]]:
    return (await run("never_zero", None))[1]


async def test_a_straight_run_passes_every_port() -> None:
    names = [name for name, _ in await steps()]

    assert names[0] == "records.read"
    assert {"send", "journal.write", "marks.mark", "records.write", "publisher.reply"} <= set(names)


@pytest.mark.parametrize("policy", ["never_zero", "never_two"])
async def test_a_crash_anywhere_costs_no_lead_and_no_unflagged_copy(policy: str) -> None:
    for at, step in enumerate(await steps()):
        room, _ = await run(policy, at)

        mails = room.provider.accepted
        unflagged = [mail for mail in mails if b"(possible copy)" not in mail.body]
        assert len(unflagged) <= 1, step
        assert room.record.state in {State.SENT, State.HELD}, step
        assert alert_owed(room.record) == "", step
        if room.record.state is State.SENT:
            assert mails, step
        if policy == "never_two":
            assert len(mails) <= 1, step


async def test_a_copy_is_sent_only_where_nobody_could_know() -> None:
    flagged = set()
    for at, step in enumerate(await steps()):
        room, _ = await run("never_zero", at)
        if len(room.provider.accepted) > 1:
            flagged.add(step)

    assert flagged == UNDECIDABLE & set(await steps())
    assert flagged


async def test_any_one_of_three_receipts_settles_a_crash() -> None:
    for kept in ("journal", "marks", "record"):
        room = Mailroom()
        await room.pending()
        await room.handlers().send(room.wish())
        sent = room.record
        armed = next(step for step in sent.history if step.what == "armed")
        receipt = Receipt(
            shop="craigs", thread_id="cthr_one", attempt=1, at=armed.at, visitor="v_1"
        )
        if kept != "record":
            await _back_to_sending(room)
        if kept != "marks":
            room.marks.marks.clear()
        if kept == "journal":
            await room.journal.write(receipt)

        await room.handlers().send(room.wish(attempt=2, lease=LEASE))

        assert room.record.state is State.SENT, kept
        assert len(room.provider.accepted) == 1, kept


async def _back_to_sending(room: Mailroom) -> None:
    """As if the process had died before its last write to the record."""
    again = Mailroom(clock=room.clock)
    await again.pending()
    kept: list[Any] = []

    async def keep(method: str, record: object) -> None:
        if method == "write":
            kept.append(record)

    again.records._hook = keep
    await again.handlers().send(again.wish())
    room.records.leads[room.record.key] = kept[0]
