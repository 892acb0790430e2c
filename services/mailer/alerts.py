"""Telling a person: by mail to ALERT_EMAIL, never mixed with leads, one per cause and hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.errors import Unavailable
from libs.leases.port import Leases
from libs.ledger.apply import apply
from libs.ledger.events import Alerted
from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadRecord, State
from libs.ledger.states import alert_owed
from libs.runtime import metrics as m
from libs.runtime.clock import Clock
from libs.runtime.ids import NewId
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from services.mailer.ports import Accepted, Mail, MailTransport, NotPrepared, Refused, Unknown, made

HOUR_SECONDS: Final = 3600.0
OWED_LIMIT: Final = 500
NAMED_THREADS: Final = 20
"""How many threads one alert spells out; it says how many there are."""

CAUSES: Final = {
    "ambiguous": (
        "Nobody can know whether these mails left, and no copy of them leaves by itself:"
        " DUPLICATE_POLICY is never_two, three attempts had no answer, or what they say is gone."
    ),
    "possible_duplicate": (
        "Nobody could know whether these mails had left, so a copy of each was tried, marked"
        " (possible copy), and one or both have arrived: their shops may have these leads twice."
    ),
    "bounce": "The provider could not deliver these leads to the shop's address.",
    "complaint": "The shop's mailbox reported these leads as spam.",
    "reject": "The provider took these leads and then refused to deliver them.",
    "no_mail_could_be_built": "Not even the plainest mail could be built for these leads.",
    "conversation_gone": (
        "These customers had left a phone or an email, and then their conversations were gone:"
        " deleted, or OPENAI_API_KEY belongs to another project now."
    ),
    "snapshot_missing": "What these mails would say is gone from the blob store.",
    "snapshot_unreadable": "What these mails would say is in the blob store and cannot be read.",
    "refused_too_long": "The provider has refused these mails for a day.",
    "no_contact": (
        "These mails were refused, or you wanted them sent again, and their conversations hold no"
        " phone or email."
    ),
    "empty": (
        "These mails were refused, or you wanted them sent again, and their customers' words are"
        " gone."
    ),
    "gone": (
        "These mails were refused, or you wanted them sent again, and their conversations cannot be"
        " found any more."
    ),
    "unknown_shop": (
        "No profile in SHOPS has the name of these leads' shop: it was renamed or removed. Put its"
        " file back, start the services again, and send each of these leads with `handoff resend`."
    ),
    "recipient_passed_over": (
        "The mail server did not take these leads for one of their shop's recipients: it refused"
        " the address, or put it off (greylisting, a full mailbox) for longer than a lead waits."
        " The other recipients have them, and to send again would be a second mail for those."
        " `handoff doctor` names the recipient; mend it, and `handoff lead` shows what to pass on."
    ),
    "record_unreadable": (
        "A lead's record cannot be read, so that lead waits; the others go on. `record_unreadable`"
        " in the log names it. Was a later release here before this one? Then start that again."
    ),
    "clock_skewed": "This machine's clock is wrong; mails wait until it is right.",
    "not_in_the_table": "Something happened to a lead that its state does not allow; it stands.",
    "unexpected_event": (
        "The provider reported a mail that was never armed here."
        " Does a second installation send for the same threads?"
    ),
    "leads_overdue": (
        "Leads, or visitors whose conversations are yet to be read, have waited for more than an"
        " hour: a part does not answer or refuses us, a stream is paused, or there are too many."
        " `handoff leads open` lists them; none is lost."
    ),
    "event_unreadable": (
        "What is in the queue of SES_EVENTS_QUEUE_URL cannot be read, so it stays there, and a"
        " bounce may be among it. Does anything else write to that queue?"
    ),
}
"""A cause in words; a provider's code stands for itself."""


@dataclass(frozen=True)
class Alerts:
    transports: Sequence[MailTransport]
    """The other one first: the transport in trouble is the worst to report it."""
    leases: Leases
    records: LeadRecords
    to: str
    """Empty: the log line is the alert."""
    senders: Mapping[str, str]
    """The bare address that each shop sends from, by slug; the first speaks for no shop."""
    clock: Clock
    new_id: NewId
    log: Log
    metrics: Metrics
    told: dict[str, float] = field(default_factory=dict)
    """Causes this process has told, for when Redis cannot say."""

    async def settle(self, record: LeadRecord) -> None:
        """Tell of this record and, in the same mail, of all that owe the same; then note it."""
        cause, nonce = alert_owed(record), self.new_id()
        if not cause or not await self._claim(cause, nonce):
            return
        try:
            owing = await self._owing(cause, record)
        except Unavailable:
            await self._unclaim(cause, nonce)
            raise
        if await self._told(cause, owing, nonce):
            for other in owing:
                await apply(self.records, other.key, Alerted(), self.clock)

    async def tell(self, cause: str) -> None:
        """Of something that concerns no single lead."""
        nonce = self.new_id()
        if await self._claim(cause, nonce):
            await self._told(cause, (), nonce)

    async def _owing(self, cause: str, record: LeadRecord) -> list[LeadRecord]:
        due = await self.records.due(self.clock.now() + HOUR_SECONDS, OWED_LIMIT)
        others = {other.key: other for other in due.records if alert_owed(other) == cause}
        return list({record.key: record, **others}.values())

    async def _told(self, cause: str, records: Sequence[LeadRecord], nonce: str) -> bool:
        self.log.error("alert", cause=cause, count=len(records))
        sent = await self._sent(cause, records, nonce) if self.to else Accepted()
        if isinstance(sent, Accepted):
            self.metrics.count(m.ALERTS, cause)
            return True
        self.log.error("alert_not_sent", cause=cause, code=sent.code if sent else "refused")
        if sent is None:  # what may have left is told again when its hour is over, and not before
            await self._unclaim(cause, nonce)
        return False

    async def _claim(self, cause: str, nonce: str) -> bool:
        """True for the first to speak of this cause within the hour, over all processes."""
        now = self.clock.boot()
        if now - self.told.get(cause, float("-inf")) < HOUR_SECONDS:
            return False
        try:
            if not await self.leases.take(f"alert:{cause}", nonce, HOUR_SECONDS):
                return False
        except Unavailable:
            self.log.warning("redis_lost", cause=cause)
        self.told[cause] = now
        return True

    async def _unclaim(self, cause: str, nonce: str) -> None:
        self.told.pop(cause, None)
        try:
            await self.leases.release(f"alert:{cause}", nonce)
        except Unavailable:
            self.log.warning("redis_lost", cause=cause)

    async def _sent(
        self, cause: str, records: Sequence[LeadRecord], nonce: str
    ) -> Accepted | Unknown | None:
        """None: it has left by no transport."""
        mail = self._mail(cause, records, nonce)
        for transport in self.transports:
            try:
                async with transport.prepare(made(mail)) as ready:
                    outcome = await ready.send()
            except NotPrepared as door:
                outcome = door.refused
            if not isinstance(outcome, Refused):
                return outcome
            self.log.warning("alert_refused", transport=transport.name, code=outcome.code)
        return None

    def _mail(self, cause: str, records: Sequence[LeadRecord], nonce: str) -> Mail:
        shop = records[0].key.shop if records else ""
        sender = self.senders.get(shop) or next(iter(self.senders.values()))
        return Mail(
            shop=shop or next(iter(self.senders)),
            thread_id=f"alert-{cause}",
            attempt=int(self.clock.now()),
            lid=nonce,
            sender=sender,
            recipients=(self.to,),
            body=alert_bytes(cause, records, (sender, self.to), self.clock.now()),
            kind="alert",
        )


def alert_bytes(
    cause: str, records: Sequence[LeadRecord], between: tuple[str, str], now: float
) -> bytes:
    """Plain words, thread ids and the command to run next; no personal data."""
    from datetime import UTC, datetime
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime

    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"[handoff alert] {cause}" + (f" ({len(records)})" if records else "")
    message["From"], message["To"] = between
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(_lines(cause, records)) + "\n")
    return message.as_bytes()


def _lines(cause: str, records: Sequence[LeadRecord]) -> list[str]:
    said = CAUSES.get(cause, f"The provider's answer was: {cause}.")
    if not records:
        return [said, "", "What is wrong and what to do about it:", "    handoff doctor"]
    threads = [f"    handoff why {record.key.thread_id}" for record in records[:NAMED_THREADS]]
    every = [said, "", f"{len(records)} in all. Each one's story and its next step:", *threads]
    if any(record.state is State.HELD for record in records):
        return [
            *every,
            "",
            "All that are held now:",
            "    handoff leads held",
        ]
    if len(records) > NAMED_THREADS:
        every += [
            "",
            "The others, by their columns `delivery` and `possible_copy`:",
            "    handoff leads export",
        ]
    return every
