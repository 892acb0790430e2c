"""A summary model that says what it is told to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from services.lead.ports import Draft, Evidence, Prompt

Answer = Draft | Exception | Callable[[Prompt], Draft]


class ScriptedModel:
    """SummaryModel: `answers` are used up in turn, then `always`; `prompts` is what it was asked."""

    def __init__(self, always: Answer | None = None) -> None:
        self.always: Answer = always if always is not None else draft()
        self.answers: deque[Answer] = deque()
        self.prompts: list[Prompt] = []

    async def draft(self, prompt: Prompt) -> Draft:
        self.prompts.append(prompt)
        answer = self.answers.popleft() if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Draft) else answer(prompt)


def draft(**said: object) -> Draft:
    """A draft that says nothing beyond `said`."""
    fields = dict.fromkeys(Draft.__struct_fields__, None) | {
        "handoff_ready": False,
        "handoff_reason": "missing_project_details",
        "summary": "",
        "next_steps": (),
        "follow_up_questions": (),
        "call_script_prompts": ("", "", ""),
        "missing_info": (),
        "evidence": evidence(),
    }
    return Draft(**(fields | said))


def evidence(**lines: tuple[int, ...]) -> Evidence:
    return Evidence(**(dict.fromkeys(Evidence.__struct_fields__, ()) | lines))
