"""Reading contact out of 64 KB of the worst input we know, in one message and in thousands."""

from __future__ import annotations

import time

from services.lead.contact.extract import contacts, forget_read_lines
from tests.bench import Row
from tests.unit.lead.contact_corpus import CRAIGS, line_of
from tests.unit.lead.contact_hostile import HOSTILE, TALKS

SIZE = 64 * 1024
ROUNDS = 8


def main() -> list[Row]:
    _cpu(["408-555-0117"])
    worst, name = max((_cpu([make(SIZE)]), name) for name, make in HOSTILE.items())
    talks = {name: make(SIZE) for name, make in TALKS.items()}
    each, way = max((_cpu(said) / len(said), name) for name, said in talks.items())
    return [
        Row(f"contact: 64 KB of {name.strip()!r}", "ms CPU", worst, 50, "less"),
        Row(f"contact: 64 KB of messages {way!r}, each", "ms CPU", each, 0.5, "less"),
    ]


def _cpu(said: list[str]) -> float:
    """Milliseconds of processor time, the best of several rounds: the rest is the neighbours'."""
    lines, spent = [line_of(text, row) for row, text in enumerate(said)], []
    for _ in range(ROUNDS):
        forget_read_lines()
        start = time.process_time()
        contacts(lines, CRAIGS)
        spent.append((time.process_time() - start) * 1000)
    return min(spent)
