"""What an asker is told (`docs/promises.md`). The gateway hides the details from strangers."""

from __future__ import annotations

from msgspec.structs import replace

from libs.messages.lead import ConsiderLead, LeadDecision
from services.lead.gates import Case, Stop, Verdict, Wait


def decision(wish: ConsiderLead, case: Case, verdict: Verdict) -> LeadDecision:
    answer = LeadDecision(
        request_id=wish.request_id,
        thread_id=wish.thread_id,
        sent=verdict.reason == "already_sent",
        reason=verdict.reason,
        visitor=case.owner,
        known=verdict.reason != "unknown_thread",
    )
    match verdict:
        case Stop(sent_at=sent_at, retry_after=retry_after):
            return replace(answer, sent_at=sent_at, retry_after=retry_after)
        case Wait(reason="not_idle", until=until):
            return replace(
                answer,
                last_activity_at=case.last_at,
                idle_seconds=case.times.quiet_seconds,
                seconds_since_last_activity=case.silent_seconds,
                scheduled_for=until,
            )
        case Wait(missing_info=missing_info):
            return replace(answer, missing_info=missing_info)
        case _:
            return answer
