"""`docs/promises.md` lists every answer and every invariant that the code knows, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from libs.ledger.steps import WHY
from libs.messages.lead import NOT_READY
from services.lead.gates import CLOSED_AS

ROOT = Path(__file__).parents[2]
ANSWERS, INVARIANTS = (ROOT / "docs/promises.md").read_text().split("## The invariants")


def text_of(*patterns: str) -> str:
    paths = (path for pattern in patterns for path in sorted(ROOT.glob(pattern)))
    return "\n".join(path.read_text() for path in paths)


def test_every_answer_is_in_the_table() -> None:
    [rows, rare] = re.findall(r"(?s)(\| 1 .*?)\n\n(.*)", ANSWERS)[0]
    third = [line.split("|")[3] for line in rows.splitlines()]
    told = set(re.findall(r"`(\w+)`", "".join(third))) | {"pending", "closed", "accepted"}

    gates = re.findall(r'(?:reason=|_silent\(case, )"(\w+)"', text_of("services/lead/gates.py"))
    gateway = re.findall(r'_answer\(asked, "(\w+)"', text_of("services/gateway/decisions.py"))
    known = {*gates, *gateway, *WHY.values(), *CLOSED_AS.values(), *NOT_READY}
    assert told == known
    assert all(f"`{word}`" in rare for word in ("pending", "closed", "accepted"))


def test_every_invariant_is_in_the_table_and_checked() -> None:
    told = re.findall(r"^\| (I\d+) \|", INVARIANTS, re.MULTILINE)
    checked = re.findall(r'(?:fail\(|told = f)"(I\d+)', text_of("tests/simulation/*.py"))

    assert told == [f"I{number}" for number in range(1, 16)]
    assert set(checked) == set(told)


def test_no_invariant_is_named_that_is_not_in_the_table() -> None:
    everywhere = text_of("docs/**/*.md", "tests/simulation/*.py", "tests/unit/**/*.py")

    named = set(re.findall(r"\bI\d{1,2}\b", everywhere))
    assert named == set(re.findall(r"\bI\d+\b", INVARIANTS))
