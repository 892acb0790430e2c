"""Commands about one thread: `why`, `lead`, `resend`."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from libs.conversations.port import Conversation
from libs.errors import Unavailable
from libs.leads.reach import reach
from libs.leads.snapshot import Contact, LeadSnapshot, Sent
from libs.leases.port import lease_key
from libs.ledger.apply import apply
from libs.ledger.events import OperatorConfirm, OperatorResend
from libs.ledger.record import LeadKey, State
from libs.messages.lead import ConsiderLead, thread_name
from libs.messages.streams import LEAD_CONSIDER, MAIL_SEND, STREAMS
from ops.desk import Desk
from ops.show import Shown, facts, moment, table
from ops.story import Facts, Parked, Story, tell
from ops.streams import dead_name

_NOT_FOUND: Final = 3


async def story_of(desk: Desk, thread_id: str) -> Story:
    """Everything that the stores know; a part that does not answer is named, not fatal."""
    unknown: list[str] = []
    shop, record = await desk.find(thread_id)
    conversation: Conversation | None = None
    try:
        conversation = await desk.conversations.read(shop, thread_id)
    except Unavailable:
        unknown.append("The conversation store")
    snapshot: LeadSnapshot | None = None
    try:
        snapshot = await desk.snapshot(record)
    except Unavailable:
        unknown.append("The blob store")
    facts = Facts(
        shop=shop,
        thread_id=thread_id,
        now=desk.clock.now(),
        record=record,
        conversation=conversation,
        snapshot=snapshot,
    )
    try:
        facts = await _with_redis(desk, facts)
    except Unavailable:
        unknown.append("Redis")
    return tell(replace(facts, unknown=tuple(unknown)))


async def _with_redis(desk: Desk, known: Facts) -> Facts:
    if desk.streams is None:
        raise Unavailable("redis", "not running")
    lease = lease_key(thread_name(known.shop, known.thread_id))
    oversight = desk.streams.oversight
    parked = [
        Parked(dead_name(stream, letter.id), letter.reason)
        for stream in STREAMS
        for letter in await oversight.dead(stream, limit=1000)
        if known.thread_id.encode() in letter.body
    ]
    on_its_way = (LEAD_CONSIDER, MAIL_SEND)
    paused = [s.name for s in on_its_way if any(x.paused for x in await oversight.stats(s))]
    return replace(
        known,
        parked=tuple(parked),
        paused=tuple(paused),
        lease_held=await desk.streams.redis.execute("EXISTS", lease) == 1,
    )


async def why(desk: Desk, thread_id: str) -> Shown:
    story = await story_of(desk, thread_id)
    known = story.state != "unknown" or story.events
    rows = [(moment(event.at), event.what) for event in story.events]
    lines: list[object] = [
        f"Thread {story.thread_id} of shop {story.shop}: {story.state.upper()}",
        story.headline,
        *story.warnings,
        "",
        table(("when", "what"), rows),
        "",
        f"Next step: {story.next_step}",
    ]
    code = int(story.needs_a_person) if known else _NOT_FOUND
    return Shown(data=story, lines=lines, code=code)


async def lead(desk: Desk, thread_id: str) -> Shown:
    """What the mail of this thread says, or would say."""
    _, record = await desk.find(thread_id)
    snapshot = await desk.snapshot(record)
    if snapshot is None:
        said = "There is no lead for this thread (yet, or any more): see `handoff why`."
        return Shown(data={"thread_id": thread_id, "lead": None}, lines=[said], code=_NOT_FOUND)
    summary, found = snapshot.summary, reach(snapshot)
    pairs: dict[str, object] = {
        "customer": summary.customer_name,
        "phone": _shown(found.phone),
        "email": _shown(found.email),
        "also given": "; ".join(map(_shown, found.others)),
        "location": summary.customer_location,
        "vehicle": summary.vehicle,
        "project": summary.project,
        "timeline": summary.timeline,
        "files": str(Sent.count(snapshot.photos)) if snapshot.photos else None,
        "kind": snapshot.kind,
        "fixed": moment(snapshot.fixed_at),
        "summary by": summary.source,
    }
    return Shown(data=snapshot, lines=[facts(pairs), "", summary.summary])


def _shown(contact: Contact | None) -> str:
    if contact is None:
        return ""
    return f"{contact.shown} ({contact.doubt})" if contact.doubt else contact.shown


async def resend(desk: Desk, thread_id: str, *, attempt: int, arrived: bool) -> Shown:
    """A person decides about a held lead. They name the attempt they looked at."""
    shop, record = await desk.find(thread_id)
    if record is None:
        return _refused(thread_id, "There is no record of this thread.", _NOT_FOUND)
    if record.attempt != attempt:
        said = f"The current attempt is {record.attempt}, not {attempt}: see `handoff why`."
        return _refused(thread_id, said)
    if record.state is not State.HELD:
        said = f"Only a held lead waits for a person; this one is {record.state}."
        return _refused(thread_id, said)
    event = OperatorConfirm() if arrived else OperatorResend()
    applied = await apply(desk.records, LeadKey(shop, thread_id), event, desk.clock)
    if not applied.wrote:
        return _refused(thread_id, f"Nothing was changed: {applied.why}.")
    if arrived:
        return Shown(data={"thread_id": thread_id, "state": "sent"}, lines=["Settled as sent."])
    soon = await _consider(desk, shop, thread_id)
    when = "now" if soon else f"within {desk.settings.sweep_seconds:g} s: Redis does not answer"
    said = f"It will be sent {when}. `handoff why` shows how it goes."
    return Shown(data={"thread_id": thread_id, "state": "pending"}, lines=[said])


async def _consider(desk: Desk, shop: str, thread_id: str) -> bool:
    """Only punctuality: the sweeper finds the record anyway."""
    if desk.streams is None:
        return False
    await desk.streams.publish(ConsiderLead(shop=shop, thread_id=thread_id, reason="operator"))
    return True


def _refused(thread_id: str, said: str, code: int = 1) -> Shown:
    return Shown(data={"thread_id": thread_id, "error": said}, lines=[said], code=code)
