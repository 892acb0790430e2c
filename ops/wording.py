"""Codes of the ledger, the gates and the providers in words that a tired person reads at once."""

from __future__ import annotations

from typing import Final

from libs.ledger.record import State, Step

STEPS: Final = {
    "considered": "Looked at for the first time: {}.",
    "not_now": "Not yet: {}.",
    "shop_unknown": "No profile had the name of its shop.",
    "closed": "Closed: {}.",
    "reopened": "Reopened: the customer wrote again.",
    "armed": "Armed {}: from here on a mail may have left.",
    "accepted": "The provider accepted {}.",
    "refused": "The provider refused it: {}.",
    "held": "Held for a person: {}.",
    "alerted": "An alert went out (only to the log where no address for alerts is set): {}.",
    "provider_event": "A delivery event proves that it left: {}.",
    "newer_items": "The customer wrote {} more after the mail.",
    "operator_resend": "An operator asked to send it after all.",
    "operator_close": "An operator closed it without a mail: {}.",
    "forgotten": "The customer asked to be forgotten while its mail was on its way.",
    "operator_confirm": "An operator confirmed that the shop has it.",
    "delay": "The provider could not deliver it yet, and goes on trying: {}.",
    "delivery": "The provider delivered it, the shop's mail server took it: {}.",
    "bounce": "The provider reports a bounce: the shop did not get it.",
    "complaint": "The provider reports that the shop's mailbox called it spam.",
    "reject": "The provider rejected it after taking it.",
}
"""What `libs/ledger` writes into a record's history; a test finds a name that is missing here."""

REASONS: Final = {
    "idle": "the visitor was idle",
    "pagehide": "the visitor left the page",
    "chat_closed": "the visitor closed the chat",
    "auto": "the chat asked by itself, as it does after each turn",
    "quiet": "our own timer fell due",
    "watch": "the watch on the visitor fell due",
    "operator": "an operator asked",
    "other": "a trigger we do not know asked",
    "ready": "it is a lead, and its mail is being made",
    "not_idle": "the last message is too young",
    "empty_thread": "the customer has written nothing yet",
    "unknown_thread": "no conversation has this id (yet)",
    "missing_contact": "no phone and no email yet",
    "not_ready": "the need is not clear yet",
    "missing_project_details": "what they want is not clear yet",
    "missing_vehicle_context": "the vehicle or item is not known yet",
    "reopened": "the customer wrote again",
    "no_contact": "a day passed and they left no way to reach them",
    "empty": "a day passed and the customer wrote nothing",
    "gone": "a day passed and the conversation could not be found any more",
    "dropped": "a person decided that nothing is",
    "forgotten": "the customer asked to be forgotten",
    "pending": "it waits to be looked at again",
    "in_progress": "an attempt is on its way, or a worker has it",
    "cooldown": "the provider refused it, and it is tried again by itself",
    "held": "it is held for a person",
    "closed": "it was closed",
    "ambiguous": "nobody can know whether an attempt arrived, and no copy leaves by itself",
    "refused_too_long": "the provider refused it for a day",
    "no_mail_could_be_built": "not even the plainest mail could be built",
    "conversation_gone": "the customer could be reached, and then their conversation was gone",
    "snapshot_missing": "what the mail would say is gone from the blob store",
    "snapshot_unreadable": "what the mail would say cannot be read any more",
    "unknown_shop": "no profile has the name of its shop",
    "recipient_passed_over": "the mail server did not take it for one of the shop's recipients",
    "possible_duplicate": "the shop may have it twice",
    "delay": "the provider could not deliver it yet, and goes on trying",
    "delivery": "the shop's mail server took it",
    "bounce": "the provider could not deliver it to the shop",
    "complaint": "the shop's mailbox reported it as spam",
    "reject": "the provider rejected it after taking it",
}

EVIDENCE: Final = {
    "reply": "the provider's own answer",
    "event": "a delivery event of the provider",
    "operator": "an operator's word",
}
"""What a SENT record rests on."""

TIMERS: Final = {
    State.PENDING: "Looked at again.",
    State.SENDING: "The time for evidence ends; without any, DUPLICATE_POLICY decides.",
    State.ERROR: "Tried again.",
    State.HELD: "An alert goes out.",
    State.SENT: "An alert goes out.",
}
"""What happens when a record's `due_at` comes."""


def in_words(code: str) -> str:
    """A provider's code has no words here and stands for itself."""
    return REASONS.get(code, code)


def step_in_words(step: Step) -> str:
    return STEPS[step.what].format(in_words(step.detail))
