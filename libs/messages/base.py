"""What every message on a stream has in common: frozen, tagged with its version, small."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Ids and small values only; bytes go to the blob store.

    A new field has a default and a new sample in `tests/wire/`. A new meaning is a new version.
    """

    request_id: str = ""


class Touch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One time that a visitor came from somewhere."""

    gclid: str = ""
    gbraid: str = ""
    wbraid: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    landing_page: str = ""
    referrer: str = ""


class Attribution(Touch, frozen=True, kw_only=True):
    """Where a visitor came from, as their browser told us; shown, stored, never trusted."""

    device_type: str = ""
    first_touch_at: str = ""
    last_touch_at: str = ""
    first: Touch | None = None
    """The first touch, where it was another than this one."""
