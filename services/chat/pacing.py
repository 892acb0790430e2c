"""A model says a word every 20 ms. To a reader ten pieces a second look the same, at a fifth of the
work, and that is what lets one process speak with hundreds at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from services.chat.ports import PhoneField

PACE_SECONDS: Final = 0.1

Piece = str | PhoneField


async def paced(
    pieces: AsyncGenerator[Piece], *, seconds: float = PACE_SECONDS
) -> AsyncGenerator[Piece]:
    """The first piece at once, then together what came meanwhile; errors after what was said."""
    arrived: list[Piece] = []
    some = asyncio.Event()
    filling = asyncio.create_task(_fill(arrived, some, pieces))
    try:
        while not filling.done():
            await some.wait()
            some.clear()
            for piece in _taken(arrived):
                yield piece
            await asyncio.wait([filling], timeout=seconds)
        for piece in _taken(arrived):
            yield piece
        filling.result()  # raises what the pieces raised
    finally:
        filling.cancel()
        await asyncio.wait([filling])


async def _fill(arrived: list[Piece], some: asyncio.Event, pieces: AsyncGenerator[Piece]) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                arrived.append(piece)
                some.set()
    finally:
        some.set()


def _taken(arrived: list[Piece]) -> list[Piece]:
    """What is there, text joined; and it is there no more."""
    taken: list[Piece] = []
    for piece in arrived:
        if isinstance(piece, str) and taken and isinstance(taken[-1], str):
            taken[-1] += piece
        else:
            taken.append(piece)
    arrived.clear()
    return taken
