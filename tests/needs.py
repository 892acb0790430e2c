"""What a test needs of the machine; `conftest.py` makes a skip a failure where all is due."""

from __future__ import annotations

from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    pytest.skip(f"{what} is missing")
