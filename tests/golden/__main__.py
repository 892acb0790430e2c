"""Writes snapshots and golden mails anew: `python -m tests.golden`. Read, then keep."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from tests.golden import CASES, as_lead_fixes_it, compose, read_snapshot, snapshot_path


def main() -> None:
    for name in sorted({case.snapshot for case in CASES}):
        fixed = as_lead_fixes_it(read_snapshot(name)).encode()
        _write(snapshot_path(name), msgspec.json.format(fixed, indent=1) + b"\n")
    for case in CASES:
        _write(case.path, asyncio.run(compose(case)))


def _write(path: Path, raw: bytes) -> None:
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(raw)
    sys.stdout.write(f"{'same   ' if raw == before else 'written'} {path.name}\n")


if __name__ == "__main__":
    main()
