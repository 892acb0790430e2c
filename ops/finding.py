"""What one question of the doctor found."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    ok: bool
    said: str
    do: str = ""
