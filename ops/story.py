"""The whole story of one lead in human words, with the next step to take. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.conversations.port import Conversation
from libs.ledger.record import LeadRecord, State, Step
from libs.snapshot import LeadSnapshot


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the stores know of a thread. Whatever could not be asked is None or empty."""

    shop: str
    thread_id: str
    record: LeadRecord | None = None
    conversation: Conversation | None = None
    snapshot: LeadSnapshot | None = None
    timer_at: float | None = None
    """When Redis will bring the thread up again."""
    lease_held: bool = False
    dead: tuple[str, ...] = ()
    """`stream id: reason` of parked messages about this thread."""
    unknown: tuple[str, ...] = ()
    """Parts that did not answer."""


class Event(msgspec.Struct, frozen=True, order=True):
    at: float
    what: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    shop: str
    thread_id: str
    state: str
    headline: str
    events: tuple[Event, ...]
    next_step: str
    attempt: int = 0
    warnings: tuple[str, ...] = ()


REASONS: Final = {
    "idle": "the visitor was idle",
    "pagehide": "the visitor left the page",
    "chat_closed": "the visitor closed the chat",
    "auto": "a turn of the chat ended",
    "quiet": "our own timer fell due",
    "watch": "the watch on the visitor fell due",
    "operator": "an operator asked",
    "other": "a trigger we do not know asked",
    "not_idle": "the last message is too young",
    "missing_contact": "no phone and no email yet",
    "not_ready": "the need is not clear yet",
    "missing_project_details": "what they want is not clear yet",
    "missing_vehicle_context": "the vehicle or item is not known yet",
    "no_contact": "a day passed and they left no way to reach them",
    "empty": "a day passed and the customer wrote nothing",
    "ambiguous": "nobody can know whether an attempt arrived, and the policy is never_two",
    "refused_too_long": "the provider refused it for a day",
}
_STEPS: Final = {
    "considered": "Considered: {0}.",
    "not_now": "Not yet: {0}.",
    "closed": "Closed: {0}.",
    "reopened": "Reopened: the customer wrote again.",
    "armed": "Armed {0}: from here on a mail may have left.",
    "accepted": "The provider accepted {0}.",
    "refused": "The provider refused it: {0}.",
    "held": "Held for a person: {0}.",
    "alerted": "A person was told ({0}).",
    "provider_event": "Delivery event: {0}.",
    "newer_items": "The customer wrote {0} more after the mail.",
    "operator_resend": "An operator asked to send it after all.",
    "operator_confirm": "An operator confirmed that it arrived.",
    "bounce": "The provider reports a bounce: the shop did not get it.",
    "complaint": "The provider reports a complaint.",
    "reject": "The provider rejected it after taking it.",
}


def tell(facts: Facts) -> Story:
    record = facts.record
    return Story(
        shop=facts.shop,
        thread_id=facts.thread_id,
        state=record.state.value if record else "unknown",
        headline=_headline(facts),
        events=tuple(sorted(_events(facts))),
        next_step=_next_step(facts),
        attempt=record.attempt if record else 0,
        warnings=_warnings(facts),
    )


def _in_words(detail: str) -> str:
    return REASONS.get(detail, detail)


def _step(step: Step) -> Event:
    words = _STEPS.get(step.what, f"{step.what} {{0}}")
    return Event(step.at, words.format(_in_words(step.detail)).replace(" :", ":"))


def _events(facts: Facts) -> list[Event]:
    events = [_step(step) for step in facts.record.history] if facts.record else []
    if conversation := facts.conversation:
        customer = [item for item in conversation.items if item.speaker == "customer"]
        if conversation.items:
            events.append(Event(conversation.items[0].at, "The conversation began."))
        if customer:
            events.append(Event(customer[-1].at, f"Customer message {len(customer)}, the newest."))
    if snapshot := facts.snapshot:
        ways = ", ".join(contact.kind for contact in snapshot.contacts) or "no contact"
        source = "the model" if snapshot.summary.source == "model" else "our rules"
        photos = len(snapshot.photos)
        fixed = f"Fixed as a {snapshot.kind} lead: {ways}, {photos} photos, summary by {source}."
        events.append(Event(snapshot.fixed_at, fixed))
    return events


def _headline(facts: Facts) -> str:
    record = facts.record
    if record is None:
        return (
            "Nobody ever asked about this thread."
            if facts.conversation is None
            else ("The conversation exists, and no trigger has reached the lead service yet.")
        )
    match record.state:
        case State.PENDING:
            return f"Waiting: {_in_words(record.reason)}."
        case State.SENDING:
            return f"Attempt {record.attempt} may be on its way; its receipt is missing."
        case State.SENT:
            copy = ", marked as a possible copy" if record.possible_duplicate else ""
            said = f"; then a {record.delivery}" if record.delivery else ""
            return (
                f"Sent as a {record.kind or 'full'} lead with attempt {record.attempt}{copy}{said}."
            )
        case State.ERROR:
            return f"Refused {record.tries} times, will be tried again: {record.reason}."
        case State.HELD:
            return f"Held for a person: {_in_words(record.reason)}."
        case State.CLOSED:
            return f"No mail was needed: {_in_words(record.reason)}."


def _next_step(facts: Facts) -> str:
    record = facts.record
    if facts.dead:
        return "A message about it is parked: `handoff dead list`, then `handoff dead retry <id>`."
    if record is None:
        return "Check the thread id, and whether gateway and lead run: `handoff doctor`."
    match record.state:
        case State.PENDING | State.ERROR:
            return "Nothing: it is looked at again by itself."
        case State.SENDING:
            return "Nothing: the resolver decides when the evidence window has passed."
        case State.SENT if record.delivery:
            return "Check the recipient's address in the shop's profile, then `handoff lead`."
        case State.SENT | State.CLOSED:
            return "Nothing."
        case State.HELD:
            return (
                "Look whether the shop has it. If not:"
                f" `handoff resend {record.key.thread_id} --attempt {record.attempt}`;"
                f" if so: the same with `--arrived`."
            )


def _warnings(facts: Facts) -> tuple[str, ...]:
    warnings = [f"{part} did not answer, so this may be incomplete." for part in facts.unknown]
    warnings += [f"Parked: {letter}" for letter in facts.dead]
    waiting = facts.record is not None and facts.record.state is State.PENDING
    if facts.lease_held and waiting:
        warnings.append("A worker holds its lease right now.")
    return tuple(warnings)
