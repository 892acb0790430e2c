"""What a test needs of the machine; `conftest.py` makes a skip a failure where all is due."""

from __future__ import annotations

import shutil
from typing import NoReturn

import pytest

CHROMIUMS = ("chromium-headless-shell", "chromium")
"""The first draws no window around the page: the same engine for a fifth less CPU."""


def missing(what: str) -> NoReturn:
    pytest.skip(f"{what} is missing")


def chromium() -> str:
    """Where it is."""
    for name in CHROMIUMS:
        if path := shutil.which(name):
            return path
    missing("chromium")
