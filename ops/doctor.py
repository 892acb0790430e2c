"""`handoff doctor`: asks every part whether it is as it should be, and says what to do if not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import date
from typing import Final, TypeVar

from libs.errors import HandoffError, SettingsError, Unavailable
from libs.leads.second_sender import read_trace
from libs.ledger.sweep import SWEEP_LIMIT
from libs.messages.streams import STREAMS
from ops.desk import Desk, Setup, open_setup, open_stores, redis_advice
from ops.doctor_blobs import blobs, retention
from ops.doctor_mail import alerts, events, fallback, mail
from ops.doctor_model import day, model
from ops.doctor_settings import refusals, settings
from ops.finding import Finding
from ops.show import Shown, moment, table
from ops.streams import rows, troubles
from services.mailer.ports import SKEW_SECONDS

CHECK_SECONDS: Final = 10.0
SUNSET: Final = date(2026, 11, 30)
"""The day on which OpenAI announced to end hosted workflows."""
_REDIS_FIRST: Final = "Mend Redis first."
_TRACE_SECONDS: Final = 7 * 86_400

D = TypeVar("D", bound=Setup)
Checks = tuple[tuple[str, Callable[[D], Awaitable[Finding]]], ...]


async def examine(environ: Mapping[str, str], stack: AsyncExitStack) -> Shown:
    """A store that does not open keeps no other part from being asked: the first start of all may
    have failed on one of those. Raises SettingsError, with a sentence for each wrong setting.
    """
    try:
        setup = await open_setup(environ, stack)
    except SettingsError as problem:
        every = dict.fromkeys((str(problem), *refusals(environ)))
        raise SettingsError(" ".join(every)) from problem
    try:
        desk = await open_stores(setup, stack)
    except Exception as problem:  # noqa: BLE001 - the other findings shall not be lost with this one
        return await _with_stores(setup, [_closed(setup, problem)])
    return await doctor(desk)


async def doctor(desk: Desk) -> Shown:
    return await _with_stores(desk, await _asked_all(desk, OF_STORES))


def _closed(setup: Setup, problem: Exception) -> Finding:
    if isinstance(problem, Unavailable):
        do = f"See that {problem.part} runs and is reached; then ask again for the rest."
        return Finding(what=problem.part, ok=False, said=str(problem), do=do)
    if not isinstance(problem, HandoffError):
        do = "Check RECORDS, BLOBS and what AWS reads of this environment; then ask again."
        return Finding(what="stores", ok=False, said=_named(problem), do=do)
    if str(problem) in refusals(setup.environ):
        return _unset(setup, "stores", str(problem))
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
    except SettingsError as error:
        return _unset(desk, name, str(error))
    except Exception as error:  # noqa: BLE001 - the other findings shall not be lost with this one
        said = str(error) if isinstance(error, HandoffError) else _named(error)
        return Finding(what=name, ok=False, said=said, do=f"See that {name} runs and is reached.")


def _named(error: Exception) -> str:
    return ": ".join(filter(None, (type(error).__name__, str(error))))


def _unset(desk: Setup, name: str, said: str) -> Finding:
    """One mistake is one problem: the question about settings has told those that it knows."""
    if said in refusals(desk.environ):
        return Finding(what=name, ok=False, said="unknown", do="Mend the settings first.")
    do = "Mend the setting that is named (`docs/settings.md`), then start its service again."
    return Finding(what=name, ok=False, said=said, do=do)


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


async def hosted(desk: Setup) -> Finding:
    if desk.settings.conversations != "hosted":
        return Finding(what="conversations", ok=True, said="our own chat")
    days = (SUNSET - day(desk.clock.now())).days
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
