"""What an operator types: exit codes, `--help`, `--json`, and text that can be read and grepped."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.errors import SettingsError, Unavailable
from libs.ledger.record import State
from libs.messages.mail import SendLeadMail
from libs.messages.streams import LEAD_CONSIDER, MAIL_SEND
from libs.snapshot import Summary
from libs.streams.broker import DeadLetter
from libs.streams.envelope import seal
from libs.streams.streams import Streams
from ops import streams as on_streams
from ops import threads
from ops.__main__ import answer, parser
from ops.desk import Desk
from ops.show import Shown, facts, put, table
from tests.clock import HandClock
from tests.unit.ops.desks import (
    KEY,
    THREAD,
    contact,
    in_memory,
    read_by_all,
    record,
    snapshot,
    started,
    stores,
)

WISH = SendLeadMail(
    shop="nobody", thread_id=THREAD, snapshot="", last_item_id="", kind="full", reason="idle"
)


async def park(streams: Streams, body: bytes, reason: str = "broken") -> str:
    lane = "mail.send:0"
    await streams.broker.prepare(lane)
    await streams.broker.add(lane, body)
    [entry] = await streams.broker.read(lane, "r", count=1, wait_seconds=0)
    await streams.broker.park(lane, [DeadLetter("", entry.id, reason, 3, entry.body)])
    return f"mail.send/{(await streams.oversight.dead(MAIL_SEND))[-1].id}"


class TestDead:
    async def test_nothing_parked_is_well(self) -> None:
        shown = await on_streams.dead_list(in_memory().oversight)

        assert (shown.code, shown.data) == (0, [])

    async def test_each_is_listed_with_its_reason(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH), "no shop has this name")

        shown = await on_streams.dead_list(streams.oversight)
        elsewhere = await on_streams.dead_list(streams.oversight, "lead.consider")

        assert shown.code == 1
        assert isinstance(shown.data, list)
        assert shown.data[0]["id"] == dead
        assert shown.data[0]["reason"] == "no shop has this name"
        assert elsewhere.code == 0

    async def test_one_is_shown_with_its_message(self) -> None:
        streams = in_memory()
        readable = await park(streams, seal(WISH))
        garbage = await park(streams, b"\x00garbage")

        first = await on_streams.dead_show(streams.oversight, readable)
        second = await on_streams.dead_show(streams.oversight, garbage)

        assert THREAD in json.dumps(first.data)
        assert "garbage" in json.dumps(second.data)

    async def test_retried_is_in_its_stream_again(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH))

        shown = await on_streams.dead_retry(streams.oversight, dead)
        again = await on_streams.dead_retry(streams.oversight, dead)

        assert (shown.code, again.code) == (0, 3)
        [lane] = await streams.oversight.stats(MAIL_SEND)
        assert (lane.unread, lane.dead) == (1, 0)

    @pytest.mark.parametrize("body", [b"\x00garbage", b'"\xff"'])
    async def test_what_cannot_be_read_cannot_be_retried_only_dropped(self, body: bytes) -> None:
        streams = in_memory()
        dead = await park(streams, body)

        shown = await on_streams.dead_show(streams.oversight, dead)
        retried = await on_streams.dead_retry(streams.oversight, dead)
        dropped = await on_streams.dead_drop(streams.oversight, dead)
        gone = await on_streams.dead_show(streams.oversight, dead)

        assert (shown.code, retried.code, dropped.code, gone.code) == (0, 1, 0, 3)
        assert repr(body) in "\n".join(shown.lines)
        assert f"handoff dead drop {dead}" in str(retried.lines)

    async def test_two_streams_that_parked_at_one_moment_are_told_apart(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH))

        other = await on_streams.dead_drop(
            streams.oversight, dead.replace("mail.send", "lead.consider")
        )

        assert other.code == 3
        assert (await on_streams.dead_show(streams.oversight, dead)).code == 0

    async def test_an_id_without_its_stream_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="dead list"):
            await on_streams.dead_drop(in_memory().oversight, "1-0")

    async def test_a_stream_that_is_not_there_is_named_with_those_that_are(self) -> None:
        with pytest.raises(SettingsError, match=r"lead\.consider"):
            await on_streams.dead_list(in_memory().oversight, "mail.sent")


class TestStreams:
    """Exit code 0 says that whatever arrives is being worked on."""

    async def test_whose_readers_live_are_well(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await read_by_all(streams)
        await streams.broker.add("mail.send:0", b"x")

        soon = await on_streams.overview(streams.oversight, clock.now() + 59)

        assert (soon.code, len(soon.lines)) == (0, 1)

    async def test_an_entry_that_waits_over_a_minute_needs_somebody(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await streams.broker.add("mail.send:0", b"x")
        clock.at += 61
        await read_by_all(streams)

        shown = await on_streams.overview(streams.oversight, clock.now())

        assert shown.code == 1
        assert "The oldest entry of mail.send waits 61 s: what does mailer log?" in shown.lines

    @pytest.mark.parametrize("silent_seconds", [None, 31])
    async def test_that_nobody_reads_are_named_with_their_service(
        self, silent_seconds: float | None
    ) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        if silent_seconds:
            await read_by_all(streams)
            clock.at += silent_seconds

        shown = await on_streams.overview(streams.oversight, clock.now())

        assert shown.code == 1
        assert "Nobody reads mail.send: is mailer up?" in shown.lines

    async def test_pause_and_resume_show(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await read_by_all(streams)

        await on_streams.pause(streams.oversight, LEAD_CONSIDER.name)
        paused = await on_streams.overview(streams.oversight, clock.now())
        await on_streams.resume(streams.oversight, LEAD_CONSIDER.name)
        resumed = await on_streams.overview(streams.oversight, clock.now())

        assert paused.lines[1:] == ["lead.consider is paused: `handoff resume lead.consider`."]
        assert (paused.code, resumed.code) == (1, 0)

    async def test_a_dead_letter_needs_somebody(self) -> None:
        streams = in_memory()
        await park(streams, seal(WISH))
        await read_by_all(streams)

        shown = await on_streams.overview(streams.oversight, 0)

        assert shown.code == 1
        assert shown.lines[1:] == ["Dead letters: `handoff dead list` says why."]


class TestResend:
    async def test_needs_the_current_attempt(self) -> None:
        there = stores()
        await there.lead(record(State.HELD, attempt=2))

        stale = await threads.resend(there.desk, THREAD, attempt=1, arrived=False)

        assert stale.code == 1
        assert there.records.leads[KEY].state is State.HELD

    async def test_opens_a_held_lead_and_asks_for_it(self) -> None:
        there, streams = stores(), in_memory()
        await there.lead(record(State.HELD, attempt=2))
        desk = dataclasses.replace(there.desk, streams=streams)

        shown = await threads.resend(desk, THREAD, attempt=2, arrived=False)

        assert shown.code == 0
        assert there.records.leads[KEY].state is State.PENDING
        [lane] = await streams.oversight.stats(LEAD_CONSIDER)
        assert lane.unread == 1

    async def test_without_redis_the_sweeper_finds_it(self) -> None:
        there = stores({"SWEEP_SECONDS": "20"})
        await there.lead(record(State.HELD, attempt=2))

        shown = await threads.resend(there.desk, THREAD, attempt=2, arrived=False)

        assert there.records.leads[KEY].state is State.PENDING
        assert "sent within 20 s: Redis does not answer" in str(shown.lines)

    async def test_settles_one_that_arrived(self) -> None:
        there = stores()
        await there.lead(record(State.HELD, attempt=2))

        await threads.resend(there.desk, THREAD, attempt=2, arrived=True)

        settled = there.records.leads[KEY]
        assert (settled.state, settled.sent_by) == (State.SENT, "operator")

    @pytest.mark.parametrize("state", sorted(set(State) - {State.HELD}))
    async def test_touches_nothing_that_is_not_held(self, state: State) -> None:
        there = stores()
        before = await there.lead(record(state, attempt=1))

        shown = await threads.resend(there.desk, THREAD, attempt=1, arrived=False)

        assert shown.code == 1
        assert there.records.leads[KEY] == before

    async def test_of_an_unknown_thread_is_no_such_thing(self) -> None:
        shown = await threads.resend(stores().desk, THREAD, attempt=1, arrived=False)

        assert shown.code == 3


HIS, HERS, WORK = (
    contact("phone", f"+1408555{end}", f"(408) 555-{end}") for end in ("0176", "0199", "0142")
)
MAIL = contact("email", "ana@gmial.com", "ana@gmial.com")
DOUBTED = replace(MAIL, doubt="gmial.com looks like gmail.com")


@pytest.mark.parametrize(
    ("chosen", "phone", "others"),
    [
        (None, "(408) 555-0176", "(408) 555-0199; (408) 555-0142"),
        ("+14085550199", "(408) 555-0199", "(408) 555-0176; (408) 555-0142"),
        ("(408) 555-0142", "(408) 555-0142", "(408) 555-0176; (408) 555-0199"),
    ],
    ids=["the first", "by number", "as shown"],
)
async def test_lead_names_the_number_that_the_mails_button_calls(
    chosen: str | None, phone: str, others: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = stores()
    summary = Summary(customer_name="Ana", customer_phone=chosen)
    await there.lead(record(), snapshot(summary=summary, contacts=(HIS, HERS, DOUBTED, WORK)))

    put(await threads.lead(there.desk, THREAD), as_json=False)

    said = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if line)
    told = {name: value.strip() for name, value in said.items()}
    assert told["phone"] == phone
    assert told["also given"] == others
    assert told["email"] == "ana@gmial.com (gmial.com looks like gmail.com)"


async def test_a_lead_that_is_not_there_is_no_such_thing() -> None:
    assert (await threads.lead(stores().desk, "cthr_never")).code == 3


def every_command() -> Iterator[list[str]]:
    yield from _commands(parser(), [])


def _commands(top: argparse.ArgumentParser, words: list[str]) -> Iterator[list[str]]:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _commands(below, [*words, name])
            return
    yield words


COMMANDS = list(every_command())
ARGUMENTS = {
    "why": ["cthr_1"], "lead": ["cthr_1"], "resend": ["cthr_1", "--attempt", "1"],
    "pause": ["lead.consider"], "resume": ["lead.consider"], "forget": ["cthr_1"],
    "show": ["mail.send/1-0"], "retry": ["mail.send/1-0"], "drop": ["mail.send/1-0"],
}  # fmt: skip


def test_the_commands_are_these() -> None:
    assert {" ".join(words) for words in COMMANDS} == {
        "why", "lead", "resend", "streams", "pause", "resume", "doctor", "forget",
        "leads export", "leads open", "leads held",
        "dead list", "dead show", "dead retry", "dead drop",
    }  # fmt: skip


@pytest.mark.parametrize("words", [[], ["dead"], ["leads"], *COMMANDS], ids=" ".join)
def test_help_of_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*words, "--help"])

    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: handoff {' '.join(words)}".strip())
    assert words in ([], ["dead"], ["leads"]) or "--json" in said


WRONG = (
    [], ["why"], ["why", "nonsense"], ["lead"], ["lead", "cthr_ 1"], ["resend", "cthr_1"],
    ["pause"], ["resume"], ["forget"], ["leads"], ["leads", "frobnicate"], ["dead"],
    ["dead", "show"], ["dead", "retry"], ["dead", "drop"], ["leads", "export", "--format", "xls"],
)  # fmt: skip


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_a_command_that_is_written_wrong_shows_one_written_well(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)

    what, example, _ = capsys.readouterr().err.split("\n")
    assert ended.value.code == 2
    assert what.startswith("handoff")
    good = example.removeprefix("For example: handoff ").partition(",")[0]
    assert parser().parse_args(good.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["leads"], "export,open,held"),
        (["dead"], "list,show,retry,drop"),
        (["why", "nonsense"], "'nonsense' is no thread id: it begins with cthr_"),
    ],
)
def test_it_says_what_would_have_been_right(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(words)

    assert said in capsys.readouterr().err


@pytest.fixture
def one_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command finds a lead, and streams in memory."""
    from tests.unit.ops.desks import on_fake_redis

    async def opened(*_: object) -> Desk:
        there = stores()
        await there.lead(record(State.HELD, attempt=1), snapshot())
        return dataclasses.replace(there.desk, streams=on_fake_redis())

    async def overseen(*_: object) -> object:
        return in_memory().oversight

    monkeypatch.setattr("ops.__main__.open_desk", opened)
    monkeypatch.setattr("ops.__main__.open_oversight", overseen)


@pytest.mark.usefixtures("one_desk")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_json_of_every_command_is_json(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    args = parser().parse_args([*words, *ARGUMENTS.get(words[-1], []), "--json"])

    code = await answer(args)

    json.loads(capsys.readouterr().out)
    assert code in {0, 1, 3}


@pytest.mark.usefixtures("one_desk")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_piped_text_has_no_colour(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    await answer(parser().parse_args([*words, *ARGUMENTS.get(words[-1], [])]))

    said = capsys.readouterr().out
    assert said.strip()
    assert "\x1b" not in said


async def test_what_cannot_be_asked_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def down(*_: object) -> Desk:
        raise Unavailable("records", "timeout")

    async def wrong(*_: object) -> Desk:
        raise SettingsError("The setting RECORDS is wrong.")

    codes = []
    for opened in (down, wrong):
        monkeypatch.setattr("ops.__main__.open_desk", opened)
        codes.append(await answer(parser().parse_args(["why", "cthr_1"])))

    captured = capsys.readouterr()
    assert codes == [2, 2]
    assert captured.out == ""
    assert captured.err.count("\n") == 2


@pytest.mark.parametrize(
    ("environ", "missing"),
    [({}, "records.sqlite3"), ({"RECORDS": "dynamodb"}, "blobs")],
    ids=["records", "blobs"],
)
@pytest.mark.parametrize("words", [["leads", "open"], ["why", "cthr_1"], ["doctor"]], ids=" ".join)
async def test_a_folder_without_a_handoff_is_said_and_stays_empty(
    words: list[str],
    environ: dict[str, str],
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else it made new stores there, and `leads open` said that nothing is left to wait for."""
    for name, value in {"HANDOFF_DATA": str(tmp_path), **environ}.items():
        monkeypatch.setenv(name, value)

    code = await answer(parser().parse_args(words))

    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert f"There is no Handoff in {tmp_path} (no {missing})" in captured.err
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a test may wait for a folder


async def test_doctor_of_a_store_that_does_not_open_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def down(*_: object) -> Desk:
        raise Unavailable("records", "timeout")

    monkeypatch.setattr("ops.__main__.open_desk", down)

    assert await answer(parser().parse_args(["doctor", "--json"])) == 1
    [finding] = json.loads(capsys.readouterr().out)
    assert (finding["what"], finding["ok"]) == ("records", False)


@pytest.mark.usefixtures("one_desk")
async def test_an_export_is_not_two_formats_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [
        await answer(parser().parse_args(["leads", "export", *words]))
        for words in (["--json", "--format", "csv"], ["--json", "--format", "google"])
    ]

    assert codes == [2, 0]
    assert "--format csv contradict" in capsys.readouterr().err


def test_tables_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    put(Shown(data=0, lines=[table(("a", "b"), [("long name", 1), ("x", 22)])]), as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in lines] == ["a          b", "long name  1", "x          22"]


def test_a_row_in_a_pipe_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "the provider said no, " * 50
    put(
        Shown(data=0, lines=[table(("id", "reason"), [("1", reason)]), facts({"reason": reason})]),
        as_json=False,
    )

    assert sum(reason.strip() in line for line in capsys.readouterr().out.splitlines()) == 2


def test_markup_in_what_a_customer_wrote_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    put(Shown(data=0, lines=["[red]x[/red]", table(("a",), [("[b]y",)])]), as_json=False)

    said = capsys.readouterr().out
    assert "[red]x[/red]" in said
    assert "[b]y" in said


@pytest.mark.slow
def test_the_command_as_it_is_typed(tmp_path: Path) -> None:
    started(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HANDOFF_DATA": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ops", *words],
            env=environ, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    unknown, nowhere, nothing = run("why", "cthr_1"), run("streams"), run("frobnicate")

    assert unknown.returncode == 3
    assert "Next step: Check the thread id" in unknown.stdout
    assert (nowhere.returncode, nothing.returncode) == (2, 2)
    assert nowhere.stderr.startswith("handoff: ")
    assert "needs Redis, which is not there: REDIS_URL is empty" in nowhere.stderr


@pytest.mark.slow
def test_whoever_waits_at_a_terminal_sees_what_is_going_on(tmp_path: Path) -> None:
    started(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HANDOFF_DATA": str(tmp_path), "TERM": "xterm"}
    screen, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ops", "why", "cthr_1", "--json"],
            env=environ, stdout=subprocess.PIPE, stderr=terminal, timeout=60, check=False,
        )  # fmt: skip
        seen = os.read(screen, 4096)
    finally:
        os.close(screen)
        os.close(terminal)

    assert b"handoff why" in seen
    assert json.loads(done.stdout)["state"] == "unknown"
