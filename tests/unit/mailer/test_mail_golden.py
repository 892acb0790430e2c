"""The golden mails: the same bytes as ever, readable by strangers, small and no spam."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.golden import CASES, HERE, Case, as_lead_fixes_it, compose, read_snapshot
from tests.golden.reading import golden, html_of, text_of

LINES_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def _id(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=_id)
async def test_is_byte_for_byte_the_golden_mail(case: Case) -> None:
    assert await compose(case) == case.path.read_bytes(), "read it, then `python -m tests.golden`"


@pytest.mark.parametrize("name", sorted({case.snapshot for case in CASES}))
def test_the_lead_service_fixes_exactly_this_snapshot(name: str) -> None:
    snapshot = read_snapshot(name)

    assert as_lead_fixes_it(snapshot) == snapshot, "read why, then `python -m tests.golden`"


def test_there_is_no_golden_mail_without_a_case() -> None:
    assert {path.stem for path in (HERE / "mails").iterdir()} == {case.name for case in CASES}


@pytest.mark.slow
def test_another_process_with_other_hashes_builds_the_same_bytes() -> None:
    script = (
        "import asyncio, hashlib, sys; from tests.golden import CASES, compose\n"
        "for case in CASES: sys.stdout.write("
        "hashlib.sha256(asyncio.run(compose(case))).hexdigest() + '\\n')"
    )

    def hashes(seed: str, zone: str) -> str:
        environ = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[3], env=environ, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout.decode()

    assert hashes("1", "UTC") == hashes("2", "Asia/Tokyo")


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_lines_are_short_and_end_as_smtp_wants(case: Case) -> None:
    raw = case.path.read_bytes()

    assert not LINES_END.search(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    assert len(raw) < 7_000_000


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_html_stays_below_what_gmail_cuts(case: Case) -> None:
    assert len(html_of(golden(case.path)).encode()) < 80_000


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_the_standard_library_finds_no_defect(case: Case) -> None:
    mail = golden(case.path)
    parts = list(mail.walk())

    assert [part.defects for part in parts] == [[] for _ in parts]
    assert not any(getattr(value, "defects", ()) for value in mail.values())


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_a_second_parser_reads_the_same_parts(case: Case, tmp_path: Path) -> None:
    """Courier's, in C: it shares nothing with Python's."""
    reformime = shutil.which("reformime")
    if reformime is None:
        needs.missing("reformime (Debian: maildrop)")
    raw = case.path.read_bytes()

    sections = _reformime(raw, "-i").decode().split("\n\n")
    theirs = [
        (found[1], found[2])
        for section in sections
        if (found := re.search(r"section: (\S+)\n.*?content-type: (\S+)", section, re.DOTALL))
    ]
    ours = [part for part in golden(case.path).walk() if part.get_content_type()]
    assert [kind for _, kind in theirs] == [part.get_content_type() for part in ours]
    for (name, kind), part in zip(theirs, ours, strict=True):
        if not kind.startswith("multipart/"):
            body = part.get_payload(decode=True)
            assert _reformime(raw, "-e", "-s", name) == body, name


def _reformime(raw: bytes, *arguments: str) -> bytes:
    command = [shutil.which("reformime") or "", *arguments]
    done = subprocess.run(command, input=raw, capture_output=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.slow
def test_spamassassin_sees_no_spam() -> None:
    """All in one mailbox: its start takes longer than any mail. It learns nothing from ours: what
    it learnt would count the next time.
    """
    spamassassin = shutil.which("spamassassin")
    if spamassassin is None:
        needs.missing("spamassassin")
    mails = (case.path.read_bytes().replace(b"\r\n", b"\n") for case in CASES)
    mailbox = b"".join(b"From golden Tue Nov 17 19:05:00 2026\n" + mail + b"\n" for mail in mails)
    done = subprocess.run(
        [str(spamassassin), "-L", "-t", "-x", "--mbox", "--cf=use_bayes 0"],
        input=mailbox, capture_output=True, check=True, timeout=110,
    )  # fmt: skip
    scores = re.findall(rb"^X-Spam-Status: .*?score=(-?[0-9.]+)", done.stdout, re.MULTILINE)

    assert len(scores) == len(CASES)
    assert max(map(float, scores)) < 2


def test_the_tree_is_mixed_related_alternative() -> None:
    mail = golden(HERE / "mails" / "failed_photo.eml")
    related, *files = list(mail.iter_parts())
    alternative, *pictures = list(related.iter_parts())

    assert mail.get_content_type() == "multipart/mixed"
    assert related.get_content_type() == "multipart/related"
    assert [part.get_content_type() for part in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert [part.get_content_type() for part in pictures] == ["image/jpeg"] * 5
    assert [part.get_filename() for part in files] == ["invoice 2019.pdf"]


def test_a_long_conversation_is_cut_between_turns_and_hangs_on_whole() -> None:
    mail = golden(HERE / "mails" / "long_chat.eml")
    (file,) = list(mail.iter_attachments())
    whole = str(file.get_content())

    assert file.get_filename() == "transcript.txt"
    assert all(f"Question {number}:" in whole for number in range(1, 150))
    assert "Walter Brandt, call me" in whole
    shown = text_of(mail)
    assert "turns; the first" in shown
    assert "Walter Brandt, call me" in shown
    assert "Question 1:" not in shown


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_a_file_is_only_spoken_of_where_it_hangs_on(case: Case) -> None:
    mail = golden(case.path)
    hangs_on = "transcript.txt" in {part.get_filename() for part in mail.walk()}

    assert ("transcript.txt" in text_of(mail)) is hangs_on
    assert case.name != "long_chat_without_attachments" or "did not fit" in text_of(mail)


def test_each_rung_of_the_ladder_risks_less() -> None:
    full, light, bare, plain = (
        golden(HERE / "mails" / f"{name}.eml")
        for name in ("english_photos", "without_attachments", "without_summary", "plain")
    )

    assert [len(list(mail.walk())) for mail in (full, light, bare, plain)] == [8, 5, 5, 1]
    assert "ripped along the side bolster and the foam shows" in text_of(light)
    assert "ripped along the side bolster and the foam shows" not in text_of(bare)
    assert all("(408) 555-0177" in text_of(mail) for mail in (full, light, bare, plain))
    assert "https://platform.openai.com/logs/cthr_english_photos" in text_of(plain)


def test_every_attempt_and_rung_has_the_same_message_id() -> None:
    ids = {
        golden(HERE / "mails" / f"{name}.eml")["Message-ID"]
        for name in ("english_photos", "without_attachments", "without_summary", "plain")
    }

    assert len(ids) == 1
