"""Writes every golden mail anew: `python -m tests.golden`. Read the difference, then keep it."""

from __future__ import annotations

import asyncio
import sys

from tests.golden import CASES, compose


def main() -> None:
    for case in CASES:
        raw = asyncio.run(compose(case))
        before = case.path.read_bytes() if case.path.exists() else b""
        case.path.write_bytes(raw)
        sys.stdout.write(f"{'same   ' if raw == before else 'written'} {case.path.name}\n")


if __name__ == "__main__":
    main()
