"""What a person reads of one thread: `why`, `lead`."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from libs.conversations.port import Conversation
from libs.errors import Unavailable
from libs.leads.reach import reach
from libs.leads.snapshot import Contact, LeadSnapshot, Sent
from libs.leases.redis import RedisLeases
from libs.ledger.record import LeadKey
from libs.messages.lead import thread_name
from libs.messages.streams import STREAMS
from ops.desk import Desk
from ops.show import Shown, facts, moment, table
from ops.story import Facts, Parked, Story, tell
from ops.streams import dead_name, paused_before_a_mail

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
        shops=tuple(desk.shops.by_slug),
        spoiled=LeadKey(shop, thread_id) in desk.unreadable,
    )
    try:
        facts = await _with_redis(desk, facts)
    except Unavailable:
        unknown.append("Redis")
    return tell(replace(facts, unknown=tuple(unknown)))


async def _with_redis(desk: Desk, known: Facts) -> Facts:
    if desk.streams is None:
        raise Unavailable("redis", "not running")
    oversight = desk.streams.oversight
    named = f'"{known.thread_id}"'.encode()
    parked = [
        Parked(dead_name(stream, letter.id), letter.reason)
        for stream in STREAMS
        async for letter in oversight.every_dead(stream)
        if named in letter.body
    ]
    return replace(
        known,
        parked=tuple(parked),
        paused=await paused_before_a_mail(oversight),
        lease_held=await RedisLeases(desk.streams.redis).is_held(
            thread_name(known.shop, known.thread_id)
        ),
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
        if desk.unreadable:
            said = "What the lead of this thread says cannot be read: see `handoff why`."
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
