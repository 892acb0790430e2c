"""Fresh ids, as an argument: the simulator hands out predictable ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable

NewId = Callable[[], str]


def random_id() -> str:
    """128 random bits, 22 characters of [A-Za-z0-9_-]."""
    return secrets.token_urlsafe(16)
