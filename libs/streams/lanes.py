"""Which lane of a stream a message goes to: one conversation always takes the same."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from libs.messages.base import Message
from libs.messages.streams import Stream

PARTITIONS: Final[dict[str, int]] = {}
"""Lanes of a stream that needs more than one. Only grow it while the stream is empty."""


def lane_name(stream: Stream, partition: int) -> str:
    return f"{stream.name}:{partition}"


def lanes_of(stream: Stream) -> tuple[str, ...]:
    return tuple(lane_name(stream, number) for number in range(PARTITIONS.get(stream.name, 1)))


def lane_of(stream: Stream, message: Message) -> str:
    partitions = PARTITIONS.get(stream.name, 1)
    if partitions == 1:
        return f"{stream.name}:0"
    return lane_name(stream, crc32(_who(message)) % partitions)


def _who(message: Message) -> bytes:
    """The thread, else the visitor it is about."""
    who: str = getattr(message, "thread_id", "") or getattr(message, "visitor", "")
    return who.encode()
