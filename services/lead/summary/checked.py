"""A model's draft, believed only as far as the conversation bears it out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from libs.languages import NAMES, language_in, may_be
from libs.leads.snapshot import Summary
from services.lead.ports import Draft
from services.lead.summary.claims import ClaimKind, plain, visible
from services.lead.summary.grounding import (
    Grounds,
    cleaned,
    for_customer,
    grounds_in,
    spellings,
)
from services.lead.summary.rules import READY, call_script, greeting
from services.lead.summary.stated import Wording, stated
from services.lead.transcript import Subject

_WORDINGS: Final[Mapping[str, Wording]] = {
    "customer_name": "in_a_row",
    "customer_location": "in_a_row",
    "vehicle": "exact",
    "project": "gist",
    "timeline": "gist",
}
_FACT_CHARACTERS: Final = 160
_ENTRY_CHARACTERS: Final = 300
_SUMMARY_CHARACTERS: Final = 1_200
_LANGUAGE: Final = re.compile(r"[^\W\d_]{2,20}(?: [^\W\d_]{2,20})?")
"""`Haitian Creole`; more words may spell an address."""


def checked(
    draft: Draft, transcript: str, subject: Subject, by_rule: Summary
) -> tuple[Summary, tuple[ClaimKind, ...]]:
    """The summary, and what kinds of things were made up and taken out of it."""
    check = _Check(draft, subject, by_rule, grounds_in(transcript, subject))
    summary = check.summary()
    return replace(summary, removed=len(check.removed)), tuple(check.removed)


@dataclass(frozen=True)
class _Check:
    """One draft under examination; `removed` grows."""

    draft: Draft
    subject: Subject
    by_rule: Summary
    grounds: Grounds
    removed: list[ClaimKind] = field(default_factory=list)

    def summary(self) -> Summary:
        draft = self.draft
        ready = bool(self.subject.contacts) and (draft.handoff_ready or self.by_rule.handoff_ready)
        name, vehicle = self.fact("customer_name"), self.fact("vehicle")
        language = self.language()
        return Summary(
            customer_name=name,
            customer_phone=self.contact("phone", draft.customer_phone),
            customer_email=self.contact("email", draft.customer_email),
            customer_location=self.fact("customer_location"),
            customer_language=language,
            vehicle=vehicle,
            item=self.by_rule.item,
            project=self.fact("project"),
            timeline=self.fact("timeline"),
            handoff_ready=ready,
            handoff_reason=self.reason(ready=ready),
            summary=self.clean(draft.summary, self.grounds, _SUMMARY_CHARACTERS)
            or self.by_rule.summary,
            next_steps=self.entries(draft.next_steps) or self.by_rule.next_steps,
            follow_up_questions=self.entries(draft.follow_up_questions),
            call_script_prompts=call_script(
                self.entries(draft.call_script_prompts), self.subject.profile
            ),
            missing_info=self.entries(draft.missing_info),
            outreach_message=self.outreach(language, name, vehicle),
            source="model",
            language=self.subject.profile.languages[0],
        )

    def reason(self, *, ready: bool) -> str:
        """The model's, but whether there is a contact is known without it."""
        if ready:
            return READY
        drafted, found = self.draft.handoff_reason, bool(self.subject.contacts)
        return drafted if found != (drafted == "missing_contact") else self.by_rule.handoff_reason

    def fact(self, name: str) -> str | None:
        """The draft's, if its lines state it; else what the rules found; null stays null."""
        drafted: str | None = getattr(self.draft, name)
        if drafted is None:
            return None
        text = self.clean(drafted, self.grounds, _FACT_CHARACTERS)
        whole = text == " ".join(visible(drafted).split())
        numbers = getattr(self.draft.evidence, name)
        if text and whole and stated(text, self.subject.lines, numbers, _WORDINGS[name]):
            return text
        found: str | None = getattr(self.by_rule, name)
        return found

    def contact(self, kind: ClaimKind, drafted: str | None) -> str | None:
        """The model may choose among the values found, and only that."""
        of_kind = [contact for contact in self.subject.contacts if contact.kind == kind]
        if drafted is None:
            return of_kind[0].value if of_kind else None
        for contact in of_kind:
            if not spellings(contact.value).isdisjoint(spellings(plain(drafted))):
                return contact.value
        self.removed.append(kind)
        return of_kind[0].value if of_kind else None

    def entries(self, texts: Iterable[str]) -> tuple[str, ...]:
        kept = (self.clean(text, self.grounds, _ENTRY_CHARACTERS) for text in texts)
        return tuple(text for text in kept if text)

    def outreach(self, language: str | None, name: str | None, vehicle: str | None) -> str | None:
        """To the customer: it names the shop and its phone, nobody else's, and no price."""
        profile = self.subject.profile
        own = greeting(language, name, vehicle, profile)
        if self.draft.outreach_message is None:
            return own if self.subject.contacts else None
        grounds = for_customer(self.grounds, self.subject)
        text = self.clean(self.draft.outreach_message, grounds, _SUMMARY_CHARACTERS)
        named = profile.name in text and _digits(profile.phone_shown) in _digits(text)
        return text if named else own

    def language(self) -> str | None:
        """The model's, unless the letters speak against it: it knows more languages than we."""
        said = "\n".join(line.text for line in self.subject.lines if line.speaker == "customer")
        drafted = self.clean(plain(self.draft.customer_language or ""), self.grounds, 40)
        if _LANGUAGE.fullmatch(drafted) and may_be(drafted, said):
            return drafted
        return NAMES.get(language_in(said))

    def clean(self, text: str, grounds: Grounds, most_characters: int) -> str:
        result = cleaned(text[: 4 * most_characters], grounds)
        self.removed.extend(result.removed)
        return result.text[:most_characters].rstrip()


def _digits(text: str) -> str:
    return "".join(character for character in plain(text) if character.isdecimal())
