"""The whole story of one lead in human words, with the next step to take. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from libs.conversations.port import Conversation
from libs.leads.snapshot import LeadSnapshot, Sent
from libs.ledger.record import LeadRecord, State
from libs.ledger.timing import HISTORY_STEPS
from ops.wording import EVIDENCE, TIMERS, in_words, step_in_words


class Parked(msgspec.Struct, frozen=True):
    """A dead letter about this thread."""

    id: str
    """With its stream, as the commands take it."""
    reason: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the stores know of a thread. Whatever could not be asked is None or empty."""

    shop: str
    thread_id: str
    now: float
    record: LeadRecord | None = None
    conversation: Conversation | None = None
    snapshot: LeadSnapshot | None = None
    lease_held: bool = False
    parked: tuple[Parked, ...] = ()
    paused: tuple[str, ...] = ()
    """Streams on its way that somebody paused."""
    unknown: tuple[str, ...] = ()
    """Parts that did not answer."""
    shops: tuple[str, ...] = ()
    """That have a profile."""
    spoiled: bool = False
    """There is a record, and it cannot be read."""


class Event(msgspec.Struct, frozen=True, order=True):
    at: float
    what: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    shop: str
    thread_id: str
    state: str
    headline: str
    events: tuple[Event, ...]
    """In order of time; those after now are timers."""
    next_step: str
    attempt: int = 0
    warnings: tuple[str, ...] = ()
    needs_a_person: bool = False


def tell(facts: Facts) -> Story:
    record = facts.record
    events = [*_said(facts), *_fixed(facts), *_recorded(facts)]
    return Story(
        shop=facts.shop,
        thread_id=facts.thread_id,
        state=record.state.value if record else "unreadable" if facts.spoiled else "unknown",
        headline=_headline(facts),
        events=tuple(sorted(events, key=lambda event: event.at)),
        next_step=_next_step(facts),
        attempt=record.attempt if record else 0,
        warnings=tuple(_warnings(facts)),
        needs_a_person=_needs_a_person(facts),
    )


def _said(facts: Facts) -> Iterator[Event]:
    if facts.conversation is None or not facts.conversation.items:
        return
    items = facts.conversation.items
    yield Event(items[0].at, "The conversation began.")
    customer = [item for item in items if item.speaker == "customer"]
    if customer:
        yield Event(customer[-1].at, f"Customer message {len(customer)}, the newest.")


def _fixed(facts: Facts) -> Iterator[Event]:
    """What the mail says, counted; the words themselves are for `handoff lead`."""
    snapshot = facts.snapshot
    if snapshot is None:
        return
    summary = snapshot.summary
    ways = ", ".join(contact.kind for contact in snapshot.contacts) or "no contact"
    source = "the model" if summary.source == "model" else "our rules"
    failed = sum(photo.is_picture and bool(photo.failed) for photo in snapshot.photos)
    photos = str(Sent.count(snapshot.photos)) + (f" ({failed} cannot be shown)" if failed else "")
    told = facts.record is not None and facts.record.trigger  # whose request it is
    asked = _asked(snapshot.reason, "" if told else snapshot.request_id)
    yield Event(snapshot.fixed_at, f"Triggered: {asked}.")
    said = f"Fixed as a {snapshot.kind} lead: {ways}, {photos}, summary by {source}."
    if snapshot.kind == "partial":
        said += f" Partial, because {in_words(summary.handoff_reason or 'not_ready')}."
    if summary.removed:
        said += f" {summary.removed} things the customer never said were taken out."
    yield Event(snapshot.fixed_at, said)


def _recorded(facts: Facts) -> Iterator[Event]:
    record = facts.record
    if record is None:
        return
    if record.trigger:
        asked = _asked(record.trigger, record.request_id)
        yield Event(record.created_at, f"First asked: {asked}.")
    if len(record.history) == HISTORY_STEPS:
        yield Event(record.created_at, "Steps between its beginning and the next are not kept.")
    for step in record.history:
        yield Event(step.at, step_in_words(step))
    if record.due_at is not None and (timer := TIMERS.get(record.state)):
        late = "Overdue since then: " if record.due_at <= facts.now else "Timer: "
        yield Event(record.due_at, late + timer)


def _asked(trigger: str, request_id: str) -> str:
    return in_words(trigger) + (f", request {request_id}" if request_id else "")


def _headline(facts: Facts) -> str:
    record = facts.record
    if record is not None:
        return _standing(record)
    if facts.spoiled:
        return "Its record cannot be read."
    if facts.conversation is None:
        of = f" (shops: {', '.join(facts.shops)})" if facts.shops else ""
        return f"Nobody ever asked about this thread{of}."
    return "The conversation exists, and no trigger has reached the lead service yet."


def _standing(record: LeadRecord) -> str:
    why = in_words(record.reason)
    match record.state:
        case State.PENDING:
            return f"Waiting: {why}."
        case State.SENDING:
            return f"Attempt {record.attempt} may be on its way; its receipt is missing."
        case State.SENT:
            return _sent(record)
        case State.ERROR:
            tries = f"{record.tries} times" if record.tries else "without counting"
            return f"Refused {tries}, will be tried again: {why}."
        case State.HELD:
            return f"Held for a person: {why}."
        case State.CLOSED:
            ended = "sent" if record.reason in {"dropped", "forgotten"} else "needed"
            return f"No mail was {ended}: {why}."


def _sent(record: LeadRecord) -> str:
    if not record.attempt:
        return f"Settled without a mail, by {EVIDENCE.get(record.sent_by, record.sent_by)}."
    copy = ", marked as a possible copy" if record.possible_duplicate else ""
    proof = EVIDENCE.get(record.sent_by, record.sent_by)
    fate = record.delivery or record.arrival
    then = f" Then: {in_words(fate)}." if fate else ""
    kind = record.kind or "full"
    return f"Sent as a {kind} lead with attempt {record.attempt}{copy}; known by {proof}.{then}"


def _needs_a_person(facts: Facts) -> bool:
    """Whether the next step is more than to wait."""
    record = facts.record
    if record is not None and (record.delivery or record.state is State.HELD):
        return True
    homeless = record is not None and _is_of_no_shop(facts, record)
    return homeless or facts.spoiled or bool(facts.parked or facts.paused)


def _is_of_no_shop(facts: Facts, record: LeadRecord) -> bool:
    """Open, and nothing is sent without a profile: looked at twice, it is held."""
    settled = record.state in {State.SENT, State.CLOSED}
    return not settled and bool(facts.shops) and record.key.shop not in facts.shops


def _next_step(facts: Facts) -> str:
    record = facts.record
    if facts.spoiled:
        return "Start the later release that wrote it again, or restore it from a backup."
    if record is not None and record.state in {State.SENT, State.CLOSED}:
        return _when_settled(facts, record)
    if record is not None and record.state is State.HELD:
        return _when_held(facts, record)
    if record is not None and _is_of_no_shop(facts, record):
        return f"Put the profile of {record.key.shop} back into SHOPS, or it will be held."
    if facts.parked:
        ids = _each("dead retry", facts)
        return f"Mend what {facts.parked[0].reason!r} names, then {ids}."
    if facts.paused:
        return " and ".join(f"`handoff resume {stream}`" for stream in facts.paused) + "."
    if record is None:
        return (
            "Check the thread id, and that the lead service runs: `handoff doctor`. Of a shop whose"
            " profile was taken out of SHOPS nothing settled is found until it is back."
        )
    return _BY_ITSELF[record.state]


_BY_ITSELF: Final = {
    State.PENDING: "Nothing: it is looked at again by itself.",
    State.SENDING: "Nothing: evidence settles it, or the policy when the time for that is over.",
    State.ERROR: "Nothing: it is tried again by itself. Always the same code? `handoff doctor`.",
}


def _when_held(facts: Facts, record: LeadRecord) -> str:
    """What is parked stays as it is: no message moves a held lead."""
    named = f"{facts.thread_id} --attempt {record.attempt}"
    gone = facts.snapshot is None and facts.conversation is None and not facts.unknown
    step = f"Nothing is left to send: `handoff close {named}`."
    if not gone:
        back = f"Put the profile of {record.key.shop} back into SHOPS. "
        step = back if _is_of_no_shop(facts, record) else ""
        step += (
            f"Ask the shop whether they have it. If not: `handoff resend {named}`; if so, add"
            f" `--arrived`. If nothing shall be sent: `handoff close {named}`."
        )
    resume = " and ".join(f"`handoff resume {stream}`" for stream in facts.paused)
    dropped = f" Afterwards {_each('dead drop', facts)}." if facts.parked else ""
    return (f"{resume}. " if resume else "") + step + dropped


def _each(command: str, facts: Facts) -> str:
    return " and ".join(f"`handoff {command} {letter.id}`" for letter in facts.parked)


def _when_settled(facts: Facts, record: LeadRecord) -> str:
    if record.delivery:
        tell_them = f"`handoff lead {facts.thread_id}`"
        return f"Check the recipients in the shop's profile, and tell the shop: {tell_them}."
    if facts.parked:
        return f"Nothing for the lead; {_each('dead drop', facts)}."
    return "Nothing."


def _warnings(facts: Facts) -> Iterator[str]:
    for part in facts.unknown:
        yield f"{part} did not answer, so this may be incomplete."
    for letter in facts.parked:
        yield f"Parked: {letter.id}, {letter.reason}."
    for stream in facts.paused:
        yield f"The stream {stream} is paused."
    if record := facts.record:
        yield from _doubts(facts, record)


def _doubts(facts: Facts, record: LeadRecord) -> Iterator[str]:
    if record.ambiguous:
        attempts = ", ".join(str(attempt) for attempt in record.ambiguous)
        yield f"Nobody knows whether it arrived: attempt {attempts}."
    if record.snapshot and facts.snapshot is None:
        yield "What the mail said is not kept, or could not be read."
    if newer := _newer_items(facts, record):
        yield f"After the mail the customer wrote {newer} more; it does not hold them."
    if facts.lease_held and record.state in {State.PENDING, State.ERROR}:
        yield "A worker holds its lease right now; leases end by themselves."


def _newer_items(facts: Facts, record: LeadRecord) -> int:
    """The record counts when a watch ends; whoever asks before that counts for themselves."""
    if record.state is not State.SENT or facts.conversation is None:
        return record.newer_items
    counted = facts.conversation.customer_items_after(record.last_item_id)
    return max(record.newer_items, counted)
