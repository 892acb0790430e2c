"""How many services `make prove` kills, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.faults.verdict import HEADINGS

SHORT_KILLS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=SHORT_KILLS, help="how many services to kill")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name != "test_killed")  # the longest begins first


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills", default=SHORT_KILLS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of `docs/proof.md`."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == "row"]
    if rows:
        terminalreporter.section("what was counted at the mail server")
        for row in (HEADINGS, *rows):
            terminalreporter.write_line(_line(row))


def _line(row: Sequence[object]) -> str:
    first, *rest = row
    return f"{first!s:<42}" + "".join(f"{cell!s:>12}" for cell in rest)
