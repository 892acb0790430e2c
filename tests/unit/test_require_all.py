"""HANDOFF_REQUIRE_ALL=1 turns a skip into a failure: else CI could be green with nothing run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Files that a pytest of their own runs below: their skips and the expected failure are the matter
# of this test, and skip nothing of ours.
ONE_BY_ONE = """
import pytest
def test_says_so(): pytest.skip("no browser")
@pytest.mark.skip
def test_is_marked(): ...
@pytest.mark.skipif(True, reason="old")
def test_is_marked_by_a_reason(): ...
@pytest.mark.xfail
def test_is_known_to_fail(): assert False
def test_passes(): ...
"""
AS_A_WHOLE = """
import pytest
pytest.skip("no browser", allow_module_level=True)
"""


def last_line(folder: Path, required: str) -> str:
    """Of a pytest that has our hooks and these two files."""
    (folder / "test_one_by_one.py").write_text(ONE_BY_ONE)
    (folder / "test_as_a_whole.py").write_text(AS_A_WHOLE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider",
         "--continue-on-collection-errors", "-c", os.devnull, "--rootdir", folder, folder],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HANDOFF_REQUIRE_ALL": required,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # none of them has a say, and each takes time
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


def test_a_skip_fails_where_everything_is_required(tmp_path: Path) -> None:
    # The two marked ones are skipped before they are called: pytest counts those as errors.
    assert last_line(tmp_path, "1").startswith("1 failed, 1 passed, 1 xfailed, 3 errors in")
    assert last_line(tmp_path, "").startswith("1 passed, 4 skipped, 1 xfailed in")
