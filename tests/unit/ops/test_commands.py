"""What an operator types: exit codes, `--help`, `--json`, and text that can be read and grepped."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.errors import SettingsError, Unavailable
from libs.leads.snapshot import Summary
from libs.ledger.record import State
from ops.__main__ import answer, parser
from ops.desk import Desk
from ops.show import Shown, facts, put, table
from tests.unit.ops.desks import contact, in_memory, record, snapshot, started, stores


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
    "close": ["cthr_1", "--attempt", "1"],
    "pause": ["lead.consider"], "resume": ["lead.consider"], "forget": ["cthr_1"],
    "show": ["mail.send/1-0"], "retry": ["mail.send/1-0"], "drop": ["mail.send/1-0"],
}  # fmt: skip


def test_the_commands_are_these() -> None:
    assert {" ".join(words) for words in COMMANDS} == {
        "why", "lead", "resend", "close", "streams", "pause", "resume", "doctor", "forget",
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
    ["close", "cthr_1"], ["pause"], ["resume"], ["forget"], ["leads"], ["leads", "frobnicate"],
    ["dead"], ["dead", "show"], ["dead", "retry"], ["dead", "drop"],
    ["leads", "export", "--format", "xls"],
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

    monkeypatch.setattr("ops.decisions.ANSWER_SECONDS", 0.01)
    monkeypatch.setattr("ops.__main__.open_desk", opened)
    monkeypatch.setattr("ops.doctor.open_stores", opened)
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
@pytest.mark.parametrize("words", [["leads", "open"], ["why", "cthr_1"]], ids=" ".join)
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


async def test_a_folder_that_cannot_be_looked_into_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HANDOFF_DATA", "x" * 300)

    assert await answer(parser().parse_args(["why", "cthr_1"])) == 2

    assert capsys.readouterr().err.startswith("handoff: HANDOFF_DATA: ")


async def doctors_findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert await answer(parser().parse_args(["doctor", "--json"])) == 1
    return {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}


async def test_doctor_asks_all_that_needs_no_store_before_a_first_start_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HANDOFF_DATA", str(tmp_path))
    monkeypatch.setenv("MAIL", "smtp")

    found = await doctors_findings(capsys)

    assert f"There is no Handoff in {tmp_path}" in str(found["stores"]["said"])
    assert {name for name, one in found.items() if not one["ok"]} >= {"stores", "redis", "mail"}
    assert found["model"]["ok"]
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a test may wait for a folder


async def test_doctor_of_a_store_that_does_not_open_asks_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def down(*_: object) -> Desk:
        raise Unavailable("records", "timeout")

    monkeypatch.setattr("ops.doctor.open_stores", down)

    found = await doctors_findings(capsys)

    assert not found["records"]["ok"]
    assert {"redis", "mail", "model"} <= found.keys()


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


NASTY = "\x1b]52;c;cm0gLXJm\x07\x9b2J\u202eevil\x1b[2J\r\u2028end"
"""Fills the clipboard, clears the screen, turns a line around, writes over one."""
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")


async def told(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    there = stores()
    contacts = (contact("email", f"a{NASTY}@x.com", NASTY),)
    nasty = Summary(customer_name=NASTY, vehicle=NASTY, project=NASTY, summary=f"It is\n{NASTY}")
    await there.lead(record(), snapshot(summary=nasty, contacts=contacts))

    async def opened(*_: object) -> Desk:
        return there.desk

    monkeypatch.setattr("ops.__main__.open_desk", opened)
    return await answer(parser().parse_args(words))


SHOWING = [
    ["lead", "cthr_1"], ["why", "cthr_1"], ["leads", "export"],
    ["leads", "export", "--format", "json"], ["lead", "cthr_1", "--json"],
]  # fmt: skip


@pytest.mark.parametrize("words", SHOWING, ids=" ".join)
async def test_what_a_customer_wrote_steers_nothing_it_is_piped_into(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await told(words, monkeypatch) == 0

    said = capsys.readouterr().out
    assert said.strip()
    assert not STEERING.search(said)
    if "--format" in words:
        assert json.loads(said)[0]["vehicle"] == NASTY
    if "--json" in words:
        assert json.loads(said)["summary"]["vehicle"] == NASTY


@pytest.mark.parametrize("words", SHOWING, ids=" ".join)
async def test_what_a_customer_wrote_steers_no_terminal(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    await told(words, monkeypatch)

    said = capsys.readouterr().out
    ours = re.sub("\x1b\\[[0-9;]*m", "", said)  # colours, and nothing else
    assert ours.strip()
    assert not STEERING.search(ours)


async def test_what_cannot_be_read_is_said_beside_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = stores()
    spoiled = await there.lead(record(), snapshot())
    there.blobs.bodies[spoiled.snapshot] = b"{"

    async def opened(*_: object) -> Desk:
        return there.desk

    monkeypatch.setattr("ops.__main__.open_desk", opened)
    code = await answer(parser().parse_args(["leads", "export"]))

    captured = capsys.readouterr()
    assert code == 0
    assert len(captured.out.splitlines()) == 2
    assert f"{spoiled.snapshot} cannot be read" in captured.err


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
def test_who_has_read_enough_sees_no_traceback(tmp_path: Path) -> None:
    started(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HANDOFF_DATA": str(tmp_path)}
    unread, pipe = os.pipe()
    os.close(unread)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ops", "leads", "export"],
            env=environ, stdout=pipe, stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(pipe)

    assert (done.returncode, done.stderr) == (0, b"")


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
