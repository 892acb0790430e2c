"""What a test needs of the machine: it skips with a reason, or fails where all must be there."""

from __future__ import annotations

import os

import pytest


def missing(what: str) -> None:
    """Skip, unless HANDOFF_REQUIRE_ALL=1: then a missing part is a failure."""
    if os.environ.get("HANDOFF_REQUIRE_ALL") == "1":
        pytest.fail(f"HANDOFF_REQUIRE_ALL=1, but {what} is missing", pytrace=False)
    pytest.skip(f"{what} is missing")
