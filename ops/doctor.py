"""`handoff doctor`: asks every part whether it is as it should be, and says what to do if not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import Final, TypeVar

import msgspec

from libs.errors import HandoffError, Unavailable
from libs.leads.second_sender import read_trace
from libs.ledger.sweep import SWEEP_LIMIT
from libs.messages.streams import STREAMS
from libs.runtime.settings import load
from ops.desk import Desk, Setup, open_setup, open_stores, redis_advice
from ops.doctor_blobs import blobs, retention
from ops.doctor_mail import alerts, events, fallback, mail
from ops.finding import Finding
from ops.show import Shown, moment, table
from ops.streams import rows, troubles
from services.lead.settings import LeadSettings
from services.mailer.ports import SKEW_SECONDS

CHECK_SECONDS: Final = 10.0
SUNSET: Final = date(2026, 11, 30)
"""The day on which OpenAI announced to end hosted workflows."""
_SOON_DAYS: Final = 30
_REDIS_FIRST: Final = "Mend Redis first."
_TRACE_SECONDS: Final = 7 * 86_400

D = TypeVar("D", bound=Setup)
Checks = tuple[tuple[str, Callable[[D], Awaitable[Finding]]], ...]


async def examine(environ: Mapping[str, str], stack: AsyncExitStack) -> Shown:
    """A store that does not open keeps no other part from being asked: the first start of all may
    have failed on one of those. Raises SettingsError.
    """
    setup = await open_setup(environ, stack)
    try:
        desk = await open_stores(setup, stack)
    except HandoffError as problem:
        return await _with_stores(setup, [_closed(problem)])
    return await doctor(desk)


async def doctor(desk: Desk) -> Shown:
    return await _with_stores(desk, await _asked_all(desk, OF_STORES))


def _closed(problem: HandoffError) -> Finding:
    if isinstance(problem, Unavailable):
        do = f"See that {problem.part} runs and is reached; then ask again for the rest."
        return Finding(what=problem.part, ok=False, said=str(problem), do=do)
    do = "On a first start, mend the other problems: a service that starts makes its stores."
    return Finding(what="stores", ok=False, said=str(problem), do=do)


async def _with_stores(setup: Setup, stores: list[Finding]) -> Shown:
    findings = [*await _asked_all(setup, FIRST), *stores, *await _asked_all(setup, OTHERS)]
    rows = [(f.what, "ok" if f.ok else "PROBLEM", f.said, f.do) for f in findings]
    well = all(finding.ok for finding in findings)
    lines = [table(("part", "", "found", "what to do"), rows)]
    return Shown(data=findings, lines=lines, code=0 if well else 1)


async def _asked_all(desk: D, checks: Checks[D]) -> list[Finding]:
    return [await _asked(desk, name, check) for name, check in checks]


async def _asked(desk: D, name: str, check: Callable[[D], Awaitable[Finding]]) -> Finding:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(desk)
    except (HandoffError, OSError, ValueError, msgspec.DecodeError) as error:
        said = str(error) or type(error).__name__
        return Finding(what=name, ok=False, said=said, do=f"See that {name} runs and is reached.")


async def settings(desk: Setup) -> Finding:
    """They were read, or we would not be here; what is left is what they mean together."""
    shops = ", ".join(sorted(desk.shops.by_slug))
    said = f"shops {shops}; records {desk.settings.records}, blobs {desk.settings.blobs}"
    return Finding(what="settings", ok=True, said=said)


async def redis(desk: Setup) -> Finding:
    if desk.streams is None:
        return Finding(
            what="redis", ok=False, said=desk.redis_problem, do=redis_advice(desk.redis_problem)
        )
    raw = await desk.streams.redis.execute("INFO", "everything")
    info = dict(line.split(":", 1) for line in raw.decode().splitlines() if ":" in line)
    policy, version = info.get("maxmemory_policy", "?"), info.get("redis_version", "?")
    if policy != "noeviction":
        return Finding(
            what="redis", ok=False, said=f"maxmemory-policy is {policy}",
            do="`CONFIG SET maxmemory-policy noeviction`, and in its file: services refuse this.",
        )  # fmt: skip
    kept = "append-only file on" if info.get("aof_enabled") == "1" else "keeps nothing on disk"
    return Finding(what="redis", ok=True, said=f"{version}, {policy}, {kept}")


async def records(desk: Desk) -> Finding:
    found = await desk.records.due(desk.clock.now(), SWEEP_LIMIT)
    held = await desk.records.held(SWEEP_LIMIT)
    names = {key.thread_id for key in (*found.unreadable, *held.unreadable)}
    if spoiled := ", ".join(sorted(names)):
        return Finding(
            what="records", ok=False, said=f"cannot be read: {spoiled}",
            do="Start the later release that wrote them again, or restore them from a backup.",
        )  # fmt: skip
    return Finding(what="records", ok=True, said=f"{desk.settings.records} answers")


async def clock(desk: Desk) -> Finding:
    skew = await desk.records.clock_skew()
    if skew is None:
        return Finding(what="clock", ok=True, said="one machine, one clock")
    well = abs(skew) < SKEW_SECONDS
    do = "" if well else "Set this machine's clock (chrony): mails are not sent while it is wrong."
    return Finding(what="clock", ok=well, said=f"{skew:+.1f} s from the record store", do=do)


async def streams(desk: Setup) -> Finding:
    """Whether the services live: each reads its streams, also when nothing is in them."""
    if desk.streams is None:
        return Finding(what="streams", ok=False, said="unknown", do=_REDIS_FIRST)
    wrong = troubles(await rows(desk.streams.oversight, desk.clock.now()))
    if not wrong:
        return Finding(what="streams", ok=True, said="each is read by its service")
    do = "Start that service, or read its log; `handoff streams` shows what waits."
    return Finding(what="streams", ok=False, said=" ".join(wrong), do=do)


async def dead_letters(desk: Setup) -> Finding:
    if desk.streams is None:
        return Finding(what="dead letters", ok=False, said="unknown", do=_REDIS_FIRST)
    oversight = desk.streams.oversight
    lanes = [lane for stream in STREAMS for lane in await oversight.stats(stream)]
    parked = sum(lane.dead for lane in lanes)
    do = "`handoff dead list` says why." if parked else ""
    return Finding(what="dead letters", ok=not parked, said=str(parked), do=do)


async def model(desk: Setup) -> Finding:
    if not desk.settings.openai_api_key:
        said = "no OPENAI_API_KEY: practice agent, summaries by rule"
        return Finding(what="model", ok=True, said=said)
    from openai import APIError, AsyncOpenAI

    client = AsyncOpenAI(
        api_key=desk.settings.openai_api_key,
        base_url=desk.settings.openai_base_url or None,
        timeout=CHECK_SECONDS,
        max_retries=0,
    )
    try:
        async with client:
            answer = await client.models.with_raw_response.list()
    except APIError as error:
        said = f"OpenAI answers {type(error).__name__}"
        return Finding(what="model", ok=False, said=said, do="Check OPENAI_API_KEY and billing.")
    listed = msgspec.json.decode(answer.content, type=_Models)
    name = load(LeadSettings, desk.environ).lead_summary_model
    return _model_finding(listed, name, desk.clock.now())


class _Model(msgspec.Struct):
    id: str
    shutdown_date: str | int | None = None
    """A day, or its first moment in seconds."""


class _Models(msgspec.Struct):
    data: list[_Model]


def _model_finding(listed: _Models, name: str, now: float) -> Finding:
    found = next((one for one in listed.data if one.id == name), None)
    if found is None:
        return Finding(
            what="model", ok=False, said=f"{name} is not offered to this key",
            do="Set LEAD_SUMMARY_MODEL to one that is.",
        )  # fmt: skip
    if not found.shutdown_date:
        return Finding(what="model", ok=True, said=f"{name}, no end announced")
    ends = _ends(found.shutdown_date)
    days = (ends - _day(now)).days
    do = "" if days > _SOON_DAYS else "Choose its successor in LEAD_SUMMARY_MODEL."
    said = f"{name}, ends {ends} (in {days} days)"
    return Finding(what="model", ok=days > _SOON_DAYS, said=said, do=do)


def _ends(shutdown_date: str | int) -> date:
    if isinstance(shutdown_date, int):
        return _day(shutdown_date)
    return date.fromisoformat(shutdown_date[:10])


async def hosted(desk: Setup) -> Finding:
    if desk.settings.conversations != "hosted":
        return Finding(what="conversations", ok=True, said="our own chat")
    days = (SUNSET - _day(desk.clock.now())).days
    span = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    when = f"in {span}" if days > 0 else f"{span} ago" if days else "today"
    said = f"hosted by OpenAI, which announced its end for {SUNSET} ({when})"
    do = "Move to CONVERSATIONS=own, as `docs/migrate-from-agent-builder.md` says."
    return Finding(what="conversations", ok=False, said=said, do=do)


async def second_sender(desk: Desk) -> Finding:
    """What the mailer noted when the provider spoke of a mail that we never sent."""
    seen = await read_trace(desk.blobs)
    if seen is None or desk.clock.now() - seen.at > _TRACE_SECONDS:
        return Finding(what="second sender", ok=True, said="none seen")
    said = (
        f"at {moment(seen.at)} the provider reported a {seen.event} of attempt {seen.attempt} of"
        f" {seen.thread_id}, which is not of ours"
    )
    do = "Find the other installation that sends for these shops and stop it; gone after 7 days."
    return Finding(what="second sender", ok=False, said=said, do=do)


def _day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


FIRST: Final[Checks[Setup]] = (("settings", settings), ("redis", redis))
OF_STORES: Final[Checks[Desk]] = (
    ("records", records),
    ("blobs", blobs),
    ("clock", clock),
    ("second sender", second_sender),
)
OTHERS: Final[Checks[Setup]] = (
    ("retention", retention),
    ("mail", mail),
    ("fallback mail", fallback),
    ("mail events", events),
    ("alerts", alerts),
    ("streams", streams),
    ("dead letters", dead_letters),
    ("model", model),
    ("conversations", hosted),
)
