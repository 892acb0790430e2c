"""A summary model that says what it is told to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from services.lead.ports import Draft, Evidence, MayRetry, Prompt

Answer = Draft | Exception | Callable[[Prompt], Draft]

NOTHING_STATED: Final = Evidence(
    customer_name=(),
    customer_phone=(),
    customer_email=(),
    customer_location=(),
    customer_language=(),
    vehicle=(),
    project=(),
    timeline=(),
)
EMPTY: Final = Draft(
    customer_name=None,
    customer_phone=None,
    customer_email=None,
    customer_location=None,
    customer_language=None,
    vehicle=None,
    project=None,
    timeline=None,
    handoff_ready=False,
    handoff_reason="missing_project_details",
    summary="",
    next_steps=(),
    follow_up_questions=(),
    call_script_prompts=("", "", ""),
    missing_info=(),
    outreach_message=None,
    evidence=NOTHING_STATED,
)
"""What a model says that found nothing; `replace` it."""


async def always() -> bool:
    """MayRetry, where nobody counts the money."""
    return True


class ScriptedModel:
    """SummaryModel: `answers` are used up, then `always`; `prompts` is what it was asked."""

    def __init__(self, always: Answer | None = None) -> None:
        self.always: Answer = EMPTY if always is None else always
        self.answers: deque[Answer] = deque()
        self.prompts: list[Prompt] = []

    async def draft(self, prompt: Prompt, may_retry: MayRetry) -> Draft:
        self.prompts.append(prompt)
        answer = self.answers.popleft() if self.answers else self.always
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Draft) else answer(prompt)
