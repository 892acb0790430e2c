"""What the mailer logs, counts and has a person told; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from libs.blobs.port import Blobs
from libs.errors import Unavailable
from libs.leads.second_sender import leave_trace, of_another
from libs.ledger.apply import Applied
from libs.ledger.events import Refuse
from libs.ledger.record import LeadRecord, State
from libs.ledger.steps import waits_in_vain
from libs.messages.mail import DeliveryEvent
from libs.runtime import metrics as m
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from services.mailer.alerts import Alerts
from services.mailer.job import Job
from services.mailer.ports import Ready, Refused, Unknown


@dataclass(frozen=True)
class Reports:
    alerts: Alerts
    log: Log
    metrics: Metrics
    blobs: Blobs

    async def owed(self, record: LeadRecord) -> None:
        """A record that is settled, but of which a person has yet to be told."""
        await self.alerts.settle(record)

    async def applied(self, applied: Applied) -> None:
        record = applied.record
        if isinstance(applied.decision, Refuse):
            await self._not_in_the_table(applied)
        elif applied.wrote and record is not None:
            if record.state is State.HELD:
                self.log.error("lead_held", **_who(record), reason=record.reason)
                self.metrics.count(m.HELD, record.reason)
            await self.alerts.settle(record)

    async def armed(self, job: Job, applied: Applied) -> None:
        if isinstance(applied.decision, Refuse):
            await self._not_in_the_table(applied)
        elif applied.wrote and job.possible_copy:
            self.metrics.count(m.POSSIBLE_DUPLICATES)
            self.log.warning("possible_duplicate", **_whose(job))

    def accepted(self, job: Job, ready: Ready) -> None:
        transport, code = ready.transport, ready.passed_over
        self.metrics.count(m.MAILS, transport, "accepted")
        if self.log.chatty:
            self.log.info("lead_mail_sent", transport=transport, **_whose(job), kind=job.kind)
        if code:
            self.metrics.count(m.PASSED_OVER)
            self.log.error("recipient_passed_over", transport=transport, code=code, **_whose(job))

    async def refused(
        self, job: Job, transport: str, refused: Refused, record: LeadRecord | None
    ) -> None:
        self.metrics.count(m.MAILS, transport, "refused")
        self._failed(job, transport, refused.code, "refused")
        in_vain = record is not None and waits_in_vain(record, self.alerts.clock.now())
        if refused.tell or in_vain:
            await self.alerts.tell(refused.code)

    def unknown(self, job: Job, transport: str, unknown: Unknown) -> None:
        """Nothing is written: the resolver settles it after the windows."""
        self.metrics.count(m.MAILS, transport, "unknown")
        self._failed(job, transport, unknown.code, "unknown")

    async def event(self, event: DeliveryEvent, applied: Applied) -> None:
        fields = {"thread_id": event.thread_id, "attempt": event.attempt, "shop": event.shop}
        self.log.info("delivery_event", event_type=event.event, code=event.detail, **fields)
        refused = isinstance(applied.decision, Refuse)
        if refused or (applied.record is not None and of_another(event, applied.record)):
            self.log.error("unexpected_event", event_type=event.event, **fields)
            await self._leave_trace(event)
            await self.alerts.tell("unexpected_event")
        if not refused:
            await self.applied(applied)

    async def _leave_trace(self, event: DeliveryEvent) -> None:
        """For `handoff doctor`; the alert stands without it."""
        try:
            await leave_trace(self.blobs, event, self.alerts.clock.now())
        except Unavailable as error:
            self.log.warning("trace_not_left", part=error.part)

    async def skewed(self) -> None:
        self.log.error("clock_skewed")
        await self.alerts.tell("clock_skewed")

    async def _not_in_the_table(self, applied: Applied) -> None:
        who = _who(applied.record) if applied.record is not None else {}
        self.log.error("not_in_the_table", **who, detail=applied.why)
        await self.alerts.tell("not_in_the_table")

    def _failed(self, job: Job, transport: str, code: str, outcome: str) -> None:
        self.log.error(
            "Lead email failed", transport=transport, code=code, outcome=outcome, **_whose(job)
        )


def _who(record: LeadRecord) -> dict[str, str | int]:
    return {
        "shop": record.key.shop,
        "thread_id": record.key.thread_id,
        "attempt": record.attempt,
    }


def _whose(job: Job) -> dict[str, str | int]:
    return {"shop": job.key.shop, "thread_id": job.key.thread_id, "attempt": job.attempt}
