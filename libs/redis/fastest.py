"""Several servers that can each answer: who answers first does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from libs.errors import HandoffError, Unavailable

T = TypeVar("T")


async def fastest(questions: Iterable[Awaitable[T]], otherwise: str) -> T:
    """The first answer that is not empty. All are asked at once, for one that is frozen must not
    keep us from the others. Raises Unavailable("redis", otherwise).
    """
    asking = [asyncio.create_task(_answer(question)) for question in questions]
    try:
        for one in asyncio.as_completed(asking):
            if answer := await one:
                return answer
    finally:
        for task in asking:
            task.cancel()
    raise Unavailable("redis", otherwise)


async def _answer(question: Awaitable[T]) -> T | None:
    try:
        return await question
    except HandoffError:
        return None
