"""Names under which a second delivery of the same wish is recognised."""

from __future__ import annotations


def thread_timer(shop: str, thread_id: str) -> str:
    """One timer a thread: newer activity moves it."""
    return f"{shop}:{thread_id}"


def thread_lease(shop: str, thread_id: str) -> str:
    """One worker a thread."""
    return f"{shop}:{thread_id}"
