"""Item ids that sort in the order of the conversation and still hold 128 random bits."""

from __future__ import annotations

import re
from typing import Final

from libs.runtime.ids import NewId

THREAD_PREFIX: Final = "cthr_"
ITEM_PREFIX: Final = "cthi_"
ATTACHMENT_PREFIX: Final = "att_"

_ITEM = re.compile(ITEM_PREFIX + r"([0-9a-f]{12})")


def new_thread_id(new_id: NewId) -> str:
    return THREAD_PREFIX + new_id()


def new_attachment_id(new_id: NewId) -> str:
    return ATTACHMENT_PREFIX + new_id()


def next_item_id(now: float, new_id: NewId, *, after: str = "") -> str:
    """The id of an item said at `now`, behind `after` (the newest before it).

    Two processes' clocks differ: the time in it never runs backwards within a thread.
    """
    found = _ITEM.match(after)
    earliest = int(found[1], 16) + 1 if found else 0
    return f"{ITEM_PREFIX}{max(int(now * 1000), earliest):012x}{new_id()}"
