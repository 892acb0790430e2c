"""What the checker hears of a process: which handlers run and end, and what it says in an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from libs.ledger.record import LeadKey
from libs.messages.lead import ConsiderLead
from libs.runtime.log import Log
from libs.streams.port import Consumer, Delivery, Handler
from tests.simulation.checker import Checker
from tests.simulation.evidence import HANDLING, THREAD
from tests.simulation.keeping import is_kept
from tests.simulation.loop import SimProcess
from tests.simulation.stores import Stores


def noted(consumer: Consumer, checker: Checker) -> Consumer:
    """The checker knows which handlers have ended, and the walk where one is at work."""

    async def handle(delivery: Delivery[Any]) -> None:
        HANDLING.set(True)
        try:
            await consumer.handler(delivery)
        finally:
            HANDLING.set(False)
        checker.handled.add((consumer.stream.name, delivery.entry_id))

    return replace(consumer, handler=handle)


def at_work(process: SimProcess, consider: Handler[ConsiderLead]) -> Handler[ConsiderLead]:
    """What befalls its work, or the process meanwhile, is told of this thread (I11)."""

    async def handle(delivery: Delivery[ConsiderLead]) -> None:
        thread_id = delivery.message.thread_id
        THREAD.set(thread_id)
        process.at_work.append(thread_id)
        try:
            await consider(delivery)
        finally:
            process.at_work.remove(thread_id)
            THREAD.set("")

    return handle


def let_go(
    consider: Handler[ConsiderLead], stores: Stores, checker: Checker
) -> Handler[ConsiderLead]:
    """Where a handler ends, its entry may go: something else must keep the thread (I9)."""

    async def handle(delivery: Delivery[ConsiderLead]) -> None:
        await consider(delivery)
        key = LeadKey(delivery.message.shop, delivery.message.thread_id)
        if not is_kept(stores, key, besides=delivery.entry_id):
            checker.on_let_go(key)

    return handle


class SimLog(Log):
    """Writes nothing: the checker hears what a process says in an error."""

    def __init__(self, process: str, checker: Checker) -> None:
        super().__init__(process, level="error")
        self._checker = checker

    def error(self, event: str, **fields: object) -> None:
        self._checker.on_error(event, fields)
