"""Two transports as one: while the first refuses everybody, mails go through the second."""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from libs.runtime.clock import Clock
from services.mailer.ports import (
    Accepted,
    Mail,
    MailTransport,
    NotPrepared,
    Outcome,
    Ready,
    Refused,
    Unknown,
    Windows,
)

REST_SECONDS: Final = 300.0
"""How long the first is left alone after it refused everybody, or took a mail's bytes in vain."""

Tell = Callable[[str], Awaitable[None]]
"""Given the cause: the mails leave, but a person should know why they take the other way."""


@dataclass
class FallbackTransport:
    """MailTransport. A refusal at the door moves the very same attempt to the second transport; one
    after ARM only rests the first, so that the next attempt takes the second.
    """

    first: MailTransport
    second: MailTransport
    clock: Clock
    tell: Tell
    resting_until: float = float("-inf")
    not_taken: dict[str, float] = field(default_factory=dict)
    """Senders that the first does not take, and until when they go by the second."""

    @property
    def name(self) -> str:
        return self._order[0].name

    @property
    def _order(self) -> tuple[MailTransport, MailTransport]:
        resting = self.clock.boot() < self.resting_until
        return (self.second, self.first) if resting else (self.first, self.second)

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[Ready]:
        async with AsyncExitStack() as stack:
            ready = await self._enter(stack, making)
            noticed = partial(self._refused, making)
            yield _Watched(ready, noticed if ready.transport == self.first.name else _ignore)

    async def fate(self, mail: Mail) -> Outcome:
        """Either may have armed it: a no counts only from both."""
        fates = [await self.first.fate(mail), await self.second.fate(mail)]
        for fate in fates:
            if isinstance(fate, Accepted):
                return fate
        return next((fate for fate in fates if isinstance(fate, Unknown)), fates[0])

    async def _enter(self, stack: AsyncExitStack, making: Future[Mail]) -> Ready:
        preferred, other = self._order
        resting = {sender for sender, until in self.not_taken.items() if self.clock.boot() < until}
        if resting and (await making).sender in resting:  # else nobody waits for the mail here
            preferred, other = self.second, self.first
        try:
            return await stack.enter_async_context(preferred.prepare(making))
        except NotPrepared as door:
            if not (door.refused.provider_wide or door.refused.temporary):
                raise
            of_more = door.refused.provider_wide or door.refused.of_sender
            if preferred is self.first and of_more:
                await self._refused(making, door.refused)
            return await self._enter_other(stack, other, making, door)

    async def _enter_other(
        self, stack: AsyncExitStack, other: MailTransport, making: Future[Mail], door: NotPrepared
    ) -> Ready:
        """What one of them said of this very mail stands: its day, and its wait for a recipient,
        would else never end while the other lets nobody in.
        """
        try:
            return await stack.enter_async_context(other.prepare(making))
        except NotPrepared as too:
            if door.refused.provider_wide or not too.refused.provider_wide:
                raise
            if too.refused.tell:
                await self.tell(too.refused.code)
            raise door from too

    async def _refused(self, making: Future[Mail], refused: Refused) -> None:
        until = self.clock.boot() + REST_SECONDS
        if refused.of_sender:
            self.not_taken[(await making).sender] = until
        else:
            self.resting_until = until
        if refused.tell:
            await self.tell(refused.code)


async def _ignore(_: Refused) -> None:
    """The second transport's refusals rest nobody."""


@dataclass(frozen=True)
class _Watched:
    """The ready send of either, whose refusal is noticed."""

    ready: Ready
    refused: Callable[[Refused], Awaitable[None]]

    @property
    def transport(self) -> str:
        return self.ready.transport

    @property
    def windows(self) -> Windows:
        return self.ready.windows

    @property
    def prepared_at(self) -> float:
        return self.ready.prepared_at

    @property
    def passed_over(self) -> str:
        return self.ready.passed_over

    async def send(self) -> Outcome:
        outcome = await self.ready.send()
        if isinstance(outcome, Refused) and (outcome.provider_wide or outcome.temporary):
            await self.refused(outcome)
        return outcome
