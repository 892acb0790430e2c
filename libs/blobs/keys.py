"""Which names a blob may have: nothing that could mean another place on a disk or in a URL."""

from __future__ import annotations

import re
from typing import Final

_SEGMENT: Final = r"(?!\.)[A-Za-z0-9._-]{1,200}"
_KEY: Final = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")
_PREFIX: Final = re.compile(rf"({_SEGMENT}/)*({_SEGMENT})?")
LONGEST: Final = 800
"""S3 takes 1,024 bytes."""


def check_key(key: str) -> str:
    """The key itself. Raises ValueError: keys are made by us, so a wrong one is a bug."""
    if len(key) > LONGEST or not _KEY.fullmatch(key):
        raise ValueError("a blob key holds something other than [A-Za-z0-9._/-]")
    return key


def check_prefix(prefix: str) -> str:
    """As a key, but it may be empty, or end with a slash or in the middle of a name."""
    if len(prefix) > LONGEST or not _PREFIX.fullmatch(prefix):
        raise ValueError("a blob prefix holds something other than [A-Za-z0-9._/-]")
    return prefix
