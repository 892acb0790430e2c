"""The summary model of the simulated world: slow, refused, cut off, hanging; each call costs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from libs.errors import Unavailable
from services.lead.adapters.openai import WHOLE_SECONDS
from services.lead.ports import Draft, DraftRefusedError, Evidence, Prompt
from tests.simulation.checker import Checker
from tests.simulation.faults import MODEL_RATE, Faults


@dataclass(frozen=True)
class SimModel:
    faults: Faults
    checker: Checker

    async def draft(self, prompt: Prompt) -> Draft:
        faults = self.faults
        await faults.point("model.ask")
        self.checker.on_model_call(prompt.conversation, prompt.transcript)
        await asyncio.sleep(faults.rng.uniform(0.5, 3))
        if faults.strikes("model.throttled", rate=MODEL_RATE):
            raise Unavailable("model", "429")
        if faults.strikes("model.hangs", rate=MODEL_RATE):
            await asyncio.sleep(WHOLE_SECONDS)  # then the adapter ends it
            raise Unavailable("model", "timeout")
        if faults.strikes("model.cut_off", rate=MODEL_RATE):
            raise DraftRefusedError("incomplete")
        await faults.point("model.answered")
        return _draft(ready="Honda" in prompt.transcript)


def _draft(*, ready: bool) -> Draft:
    none: tuple[int, ...] = ()
    return Draft(
        customer_name=None,
        customer_phone=None,
        customer_email=None,
        customer_location=None,
        customer_language=None,
        vehicle="2015 Honda Civic" if ready else None,
        project="seat repair" if ready else None,
        timeline=None,
        handoff_ready=ready,
        handoff_reason="ready_for_follow_up" if ready else "missing_project_details",
        summary="A torn seat." if ready else "A question.",
        next_steps=(),
        follow_up_questions=(),
        call_script_prompts=("Hello.", "About the seat.", "When?"),
        missing_info=(),
        outreach_message=None,
        evidence=Evidence(
            customer_name=none, customer_phone=none, customer_email=none, customer_location=none,
            customer_language=none, vehicle=(1, 2, 3, 4, 5, 6, 7), project=(1, 2, 3), timeline=none,
        ),
    )  # fmt: skip
