"""What can happen to a lead, and what `decide` can answer: closed unions of frozen structs."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from libs.ledger.record import LeadRecord

HeldFor = Literal[
    "ambiguous", "conversation_gone", "empty", "gone", "no_contact", "no_mail_could_be_built",
    "refused_too_long", "snapshot_missing", "snapshot_unreadable", "unknown_shop",
]  # fmt: skip
"""Why a lead is held where no provider's code says it."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the events."""


class Considered(Happening, frozen=True, kw_only=True):
    """A trigger, timer or watch asks for the thread. `due_at`: when to look again if we crash."""

    reason: str
    """What a gate said of it."""
    due_at: float
    visitor: str = ""
    trigger: str = ""
    """Who asks, of `libs.messages.lead.REASONS`, and with which request."""
    request_id: str = ""


class NotNow(Happening, frozen=True, kw_only=True):
    """A gate (`services/lead/gates.py`) says: later."""

    reason: str
    due_at: float


class NothingToSend(Happening, frozen=True, kw_only=True):
    """24 h without a new customer item, and no way to reach anyone (`gone`: nothing to read)."""

    reason: Literal["no_contact", "empty", "gone"]
    quiet_since: float
    last_item_id: str = ""


class Reopened(Happening, frozen=True, kw_only=True):
    """A customer item newer than the one the thread was closed with."""

    last_item_id: str
    due_at: float
    reason: str = ""
    """What a gate said of it, where one has looked."""


class Arm(Happening, frozen=True, kw_only=True):
    """The mail is built and stored; may I send it?"""

    attempt: int
    """What the mail says that it is, and with it whether it says that it may be a copy."""
    lid: str
    """A fresh nonce: reading it back proves that the write was ours."""
    last_item_id: str
    """The item that the snapshot ends with."""
    transcript_ends_at: str
    """The newest item, read just now; ignored for a mail that may already have left."""
    snapshot: str
    content_hash: str
    kind: str
    passed_over: str = ""
    """What was said to recipients whom it leaves out, beside those whom it reaches."""


class Accepted(Happening, frozen=True, kw_only=True):
    """The provider took this attempt."""

    attempt: int
    message_id: str = ""


class Refused(Happening, frozen=True, kw_only=True):
    """A definite no: the mail of this attempt has not left, during its send or before its ARM."""

    attempt: int
    """The armed attempt, or the one after it when the provider refused before ARM."""
    reason: str
    provider_wide: bool = False
    """Throttled, paused: says nothing about this mail; delays without counting."""
    temporary: bool = False
    """Said of this mail, but not for good: counts towards the day, and is no try."""
    of_content: bool = False
    """A plainer mail may pass."""
    of_content_if_again: bool = False
    """So it may, if the refusal before said the same."""
    delay_seconds: float = 0.0
    """At least this long."""
    at_door: bool = False
    """Before ARM: it says nothing about this attempt, should another sender have armed it."""
    snapshot: str = ""
    """What was refused, for the next attempt. What the record names stands where this is empty, or
    an earlier mail may have arrived.
    """
    last_item_id: str = ""
    kind: str = ""


class ProviderEvent(Happening, frozen=True, kw_only=True):
    """A delivery event of an attempt that we tagged."""

    attempt: int
    event: str
    """`send`, `delivery`, `delay`: it was taken. `bounce`, `complaint`, `reject`: and failed."""
    message_id: str = ""
    at: float = 0.0


class WindowsPassed(Happening, frozen=True, kw_only=True):
    """A SENDING record fell due and no receipt of it was found. Asked before building a copy."""


class ShopUnknown(Happening, frozen=True, kw_only=True):
    """The process that should decide has no profile of this shop. It was renamed or removed, or
    the process is of before it was added: asked once more at `due_at`, then a person.
    """

    due_at: float


class GaveUp(Happening, frozen=True, kw_only=True):
    """No mail of it can be made, or made any more: a person must look."""

    reason: HeldFor


class NewerItems(Happening, frozen=True, kw_only=True):
    """Customer items after the one that was sent, counted from it."""

    count: int


class Alerted(Happening, frozen=True, kw_only=True):
    """What `alert_owed` named went to ALERT_EMAIL if that is set, else only to the log."""


class OperatorResend(Happening, frozen=True, kw_only=True):
    """A person wants a held lead sent after all."""

    snapshot: str = ""
    """What they want sent, whatever was said since. Empty: none is left, the gates decide."""
    last_item_id: str = ""
    kind: str = ""


class OperatorConfirm(Happening, frozen=True, kw_only=True):
    """A person knows that a held lead arrived, or took care of it."""


class OperatorClose(Happening, frozen=True, kw_only=True):
    """A person ends a lead without a mail. It arrived nowhere, and nobody says that it did."""

    reason: Literal["dropped", "forgotten"]
    """`dropped`: what is held cannot or shall not be sent. `forgotten`: it is being removed."""
    last_item_id: str = ""
    """Where its conversation ends: whoever writes more is considered again."""


Event = (
    Considered
    | NotNow
    | NothingToSend
    | Reopened
    | Arm
    | Accepted
    | Refused
    | ProviderEvent
    | WindowsPassed
    | ShopUnknown
    | GaveUp
    | NewerItems
    | Alerted
    | OperatorResend
    | OperatorConfirm
    | OperatorClose
)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The shop's policy and the transport's windows."""

    policy: Literal["never_zero", "never_two"] = "never_zero"
    fence_seconds: float = 300
    """After this the provider accepts nothing that was armed before (SES 5 min, SMTP 15)."""
    evidence_seconds: float = 1200
    """How long delivery events may take (SES 20 min); 0 for transports without events."""
    skew_seconds: float = 60
    """How wrong two clocks may be."""
    cooldown_seconds: float = 60
    """The wait after a first refusal; each further one doubles it."""


DEFAULT_RULES: Final = Rules()


class Write(msgspec.Struct, frozen=True):
    """Store this record if the stored version is still `expected_version` (None: absent)."""

    record: LeadRecord
    expected_version: int | None
    alert: str = ""
    """Why a person must be told; the record stays due until `Alerted`."""


class Nothing(msgspec.Struct, frozen=True):
    """The record stands, and rightly: what to answer."""

    why: str


class Refuse(msgspec.Struct, frozen=True):
    """It may not happen in this state: change nothing, alert."""

    why: str


Decision = Write | Nothing | Refuse
