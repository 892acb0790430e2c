"""Every failure that decides what happens next.

    HandoffError
    ├── Retryable        come back later; the delivery is retried with backoff
    │   └── Unavailable  a store or provider did not answer in time, or said it cannot now
    ├── Rejected         it will never work: park it for a person, with the reason
    └── SettingsError    the start is refused with this one sentence, exit code 2

Adapters translate the errors of their library into these in one table, with `raise ... from`.
"""

from __future__ import annotations


class HandoffError(Exception):
    """Something of ours went wrong; the text is safe to log (never customer text)."""


class Retryable(HandoffError):  # noqa: N818 - it names what to do, not that it is an error
    """Try the same delivery again, after `after_seconds` or the usual backoff."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_seconds = after_seconds


class Unavailable(Retryable):
    """An outside part (`redis`, `records`, `blobs`, `model`, `openai`, ...) cannot serve us now."""

    def __init__(self, part: str, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(f"{part}: {reason}", after_seconds=after_seconds)
        self.part = part


class Rejected(HandoffError):  # noqa: N818 - it names what to do, not that it is an error
    """Park the delivery in the dead-letter stream: trying again cannot help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SettingsError(HandoffError):
    """A setting is missing, malformed or contradicts another."""
