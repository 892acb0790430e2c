"""A publisher that only remembers, for handler tests."""

from __future__ import annotations

from libs.messages.base import Message


class RememberingPublisher:
    """Publisher: `published`, `scheduled` by key and `replies` by address are plain lists."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.scheduled: dict[str, tuple[float, Message]] = {}
        self.replies: list[tuple[str, Message]] = []

    async def publish(self, message: Message, *, reply_to: str = "", deadline: float = 0.0) -> None:
        self.published.append(message)

    async def schedule(self, message: Message, *, key: str, at: float) -> None:
        self.scheduled[key] = (at, message)

    async def reply(self, reply_to: str, *answers: Message) -> None:
        if reply_to:
            self.replies += ((reply_to, answer) for answer in answers)
