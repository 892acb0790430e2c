"""How a message lies in a lane: itself, who waits for an answer, and how often it was tried."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from libs.errors import Rejected
from libs.messages.base import Message

M = TypeVar("M")


class Envelope(msgspec.Struct, Generic[M], array_like=True, frozen=True, gc=False):
    message: M
    reply_to: str = ""
    deadline: float = 0.0
    attempts: int = 0
    """Attempts before it was last added to the lane."""
    outages: int = 0
    """How many of those ended because a part elsewhere did not answer."""
    timer: str = ""
    """The timer that added it, if one did."""


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no message of ours."""

_ENCODER = msgspec.json.Encoder()
_RAW = msgspec.json.Decoder(Envelope[msgspec.Raw])

Decoder = msgspec.json.Decoder


def seal(message: Message, reply_to: str = "", deadline: float = 0.0, *, timer: str = "") -> bytes:
    return _ENCODER.encode(Envelope(message, reply_to, deadline, timer=timer))


def decoder(kind: type[Message]) -> Decoder[Envelope[Message]]:
    return msgspec.json.Decoder(Envelope[kind])  # type: ignore[valid-type]


def unseal(body: bytes) -> Envelope[msgspec.Raw]:
    """The message in it stays as its bytes. Raises Rejected when it is no envelope."""
    try:
        return _RAW.decode(body)
    except UNREADABLE as error:
        raise Rejected("undecodable") from error


def reseal(opened: Envelope[msgspec.Raw], *, attempts: int, outages: int) -> bytes:
    return _ENCODER.encode(replace(opened, attempts=attempts, outages=outages))
