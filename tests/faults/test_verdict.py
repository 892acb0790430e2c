"""What the real-process tests count: a second mail is seen whichever of the two is flagged."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.runtime.log import Log
from tests.faults.deployment import Deployment, Worker
from tests.faults.mailbox import Mailbox
from tests.faults.verdict import count


@pytest.mark.parametrize(
    ("leads", "copies", "twice"),
    [
        ([("t", False)], 0, 0),
        ([("t", True)], 0, 0),
        ([("t", False), ("u", False)], 0, 0),
        ([("t", False), ("t", True)], 1, 0),
        ([("t", True), ("t", False)], 1, 1),
        ([("t", False), ("u", True), ("t", False), ("t", True)], 2, 1),
    ],
)
def test_a_second_mail_without_the_flag_is_counted_whatever_the_first_says(
    leads: list[tuple[str, bool]], copies: int, twice: int
) -> None:
    tally = count(Mailbox(leads=leads), sorted({thread for thread, _ in leads}))

    assert (tally.copies, tally.twice, tally.lost, tally.foreign) == (copies, twice, 0, 0)
    assert tally.flagged == sum(flagged for _, flagged in leads)
    assert tally.kept(copies_at_most=2) == (twice == 0)


def test_a_copy_beyond_what_its_fault_excuses_a_lost_and_a_foreign_lead_fail() -> None:
    def kept(threads: list[str], *leads: tuple[str, bool], copies_at_most: int = 0) -> bool:
        return count(Mailbox(leads=list(leads)), threads).kept(copies_at_most=copies_at_most)

    assert kept(["t"], ("t", False), ("t", True), copies_at_most=1)
    assert not kept(["t"], ("t", False), ("t", True))
    assert not kept(["t", "u"], ("t", False))
    assert not kept(["t"], ("t", False), ("u", False))


def test_a_held_lead_is_not_lost_and_is_not_kept_either() -> None:
    tally = count(Mailbox(), ["t"], held=frozenset({"t"}))

    assert (tally.held, tally.lost, tally.kept()) == (1, 0, False)


def test_what_no_code_expected_and_what_was_given_up_is_seen(tmp_path: Path) -> None:
    said = tmp_path / "lead0.log"
    with said.open("w") as out:
        log = Log("lead", out=out)
        log.info("handled", stream="lead.consider", outcome="handled")
        log.info("handled", stream="lead.signal", outcome="parked")
        log.info("handled", stream="lead.consider", outcome="parked")
        log.error("unhandled_exception", stream="lead.consider", exception_type="KeyError")
        out.write("Traceback (most recent call last):\n")

    surprises = Deployment([Worker("lead", 0, {}, said)], "").surprises()

    assert surprises == said.read_text().splitlines()[2:]
