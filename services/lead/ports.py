"""What the lead service asks of a model and of those who keep files, and how it may fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Literal, Protocol

import msgspec

from libs.attachments.records import StoredAttachment
from libs.conversations.port import Attachment

HandoffReason = Literal[
    "ready_for_follow_up",
    "missing_contact",
    "missing_project_details",
    "missing_vehicle_context",
]

LineNumbers = tuple[int, ...]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For each fact the transcript lines that it rests on."""

    customer_name: LineNumbers
    customer_phone: LineNumbers
    customer_email: LineNumbers
    customer_location: LineNumbers
    customer_language: LineNumbers
    vehicle: LineNumbers
    project: LineNumbers
    timeline: LineNumbers


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model says about a conversation; nothing of it is believed yet."""

    customer_name: str | None
    customer_phone: str | None
    customer_email: str | None
    customer_location: str | None
    customer_language: str | None
    vehicle: str | None
    project: str | None
    timeline: str | None
    handoff_ready: bool
    handoff_reason: HandoffReason
    summary: str
    next_steps: Annotated[tuple[str, ...], msgspec.Meta(max_length=6)]
    follow_up_questions: Annotated[tuple[str, ...], msgspec.Meta(max_length=6)]
    call_script_prompts: Annotated[tuple[str, ...], msgspec.Meta(min_length=3, max_length=3)]
    missing_info: Annotated[tuple[str, ...], msgspec.Meta(max_length=8)]
    outreach_message: str | None
    evidence: Evidence


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a model."""

    instructions: str
    transcript: str
    """Delimited data, never instructions."""
    conversation: str
    """An id of ours that stands for the thread, for the provider's abuse detection."""


class DraftRefusedError(Exception):
    """The model was asked, and paid, and what came is of no use: `refused`, `incomplete`,
    `off_schema`. Asking again about the same conversation would give the same.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


MayRetry = Callable[[], Awaitable[bool]]
"""Asked before a second call: it costs as much as the first."""


class SummaryModel(Protocol):
    async def draft(self, prompt: Prompt, may_retry: MayRetry) -> Draft:
        """Raises DraftRefusedError, Unavailable("model", ...); bounded in time."""
        ...


class Owner(msgspec.Struct, frozen=True):
    """Whose files they are."""

    shop: str
    visitor: str
    thread_id: str


class HostedFiles(Protocol):
    async def take_in(
        self, owner: Owner, files: Iterable[Attachment]
    ) -> dict[str, StoredAttachment]:
        """Those that there was time for, by the provider's id; `problem` says why one is not kept.

        Raises Unavailable("blobs", ...); a file that cannot be had is no error.
        """
        ...
