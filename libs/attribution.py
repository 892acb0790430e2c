"""Where a visitor came from and what they did on the page, kept 180 days, carried into their lead.

touches/<visitor>.json            first and last touch, locale and page: the last writer wins
signals/<visitor>/<what>.json     one blob a signal: nothing to overwrite, a repeat is itself
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.blobs.port import BlobMissingError, Blobs
from libs.messages.base import Attribution, Touch
from libs.snapshot import Signal

RETENTION_SECONDS: Final = 180 * 86_400.0
MOST_SIGNALS: Final = 20
"""Shown in a mail, newest kept; a visitor who clicks more often tells nothing new."""
MOST_LISTED: Final = 500

_CAMPAIGN: Final = (
    "gclid", "gbraid", "wbraid",
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
)  # fmt: skip


class Touches(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first and the latest time that a browser told us where its visitor came from."""

    first: Attribution | None = None
    last: Attribution | None = None
    locale: str = ""
    page_url: str = ""
    at: float = 0.0
    also: tuple[str, ...] = ()
    """The visitor's ids under other site keys: who is forgotten is forgotten under each."""

    def merged(self) -> Attribution | None:
        """The landing of the first touch, the campaign of the last touch that had one; and the
        first touch itself where its campaign was another: no click id is lost.
        """
        if self.first is None or self.last is None:
            return None
        first = self.first.first or self.first
        campaign = self.last if has_campaign(self.last) else first
        another = has_campaign(first) and _campaign(first) != _campaign(campaign)
        return replace(
            self.last,
            landing_page=first.landing_page or self.last.landing_page,
            referrer=first.referrer or self.last.referrer,
            first_touch_at=self.first.first_touch_at or self.last.first_touch_at,
            first=msgspec.convert(first, Touch, from_attributes=True) if another else None,
            **_campaign(campaign),
        )


def has_campaign(touch: Touch) -> bool:
    return any(_campaign(touch).values())


def _campaign(touch: Touch) -> dict[str, str]:
    return {name: getattr(touch, name) for name in _CAMPAIGN}


def touched(
    touches: Touches, attribution: Attribution | None, *, locale: str, page_url: str, at: float,
    also: tuple[str, ...] = (),
) -> Touches:  # fmt: skip
    """The same touches when there is nothing new in it: then nothing need be written."""
    seen = replace(
        touches,
        first=touches.first or attribution,
        last=attribution or touches.last,
        locale=locale or touches.locale,
        page_url=page_url or touches.page_url,
        also=tuple(dict.fromkeys((*touches.also, *also))),
    )
    return touches if seen == touches else replace(seen, at=at)


@dataclass(frozen=True)
class Trails:
    """Reads and writes may be repeated: the same touch or signal twice is stored once."""

    blobs: Blobs

    async def touch(
        self, where: TrailKey, attribution: Attribution | None, *, locale: str, page_url: str,
        at: float, also: tuple[str, ...] = (),
    ) -> Touches:  # fmt: skip
        known = await self.touches(where, now=at)
        seen = touched(known, attribution, locale=locale, page_url=page_url, at=at, also=also)
        if seen is not known:
            body = msgspec.json.encode(seen)
            await self.blobs.put(where.touches, body, content_type="application/json")
        return seen

    async def touches(self, where: TrailKey, *, now: float) -> Touches:
        try:
            kept = msgspec.json.decode(await self.blobs.get(where.touches), type=Touches)
        except BlobMissingError:
            return Touches()
        return kept if now - kept.at < RETENTION_SECONDS else Touches()

    async def add(self, where: TrailKey, signal: Signal) -> None:
        body = msgspec.json.encode(signal)
        await self.blobs.put(where.signal(signal.at, body), body, content_type="application/json")

    async def signals(self, where: TrailKey, *, now: float) -> tuple[Signal, ...]:
        """Oldest first, at most the newest twenty."""
        keys: list[str] = []
        async for info in self.blobs.list(where.signals):
            keys.append(info.key)
            if len(keys) == MOST_LISTED:
                break
        found: list[Signal] = []
        for key in sorted(keys)[:MOST_SIGNALS]:
            try:
                found.append(msgspec.json.decode(await self.blobs.get(key), type=Signal))
            except BlobMissingError:  # forgotten in between
                continue
        return tuple(each for each in reversed(found) if now - each.at < RETENTION_SECONDS)

    async def forget(self, where: TrailKey) -> bool:
        removed = await self.blobs.delete(where.touches)
        for key in [info.key async for info in self.blobs.list(where.signals)]:
            removed = await self.blobs.delete(key) or removed
        return removed


class TrailKey(msgspec.Struct, frozen=True):
    """Whose trail; the visitor is hashed, because a hosted one may be any text."""

    shop: str
    visitor: str

    @property
    def touches(self) -> str:
        return f"touches/{self.shop}/{self._name}.json"

    @property
    def signals(self) -> str:
        return f"signals/{self.shop}/{self._name}/"

    def signal(self, at: float, body: bytes) -> str:
        """The newest sorts first, so that a long list need not be read to its end."""
        what = hashlib.sha256(body).hexdigest()[:16]
        return f"{self.signals}{10**14 - int(at * 1000):015d}-{what}.json"

    @property
    def _name(self) -> str:
        return hashlib.sha256(self.visitor.encode("utf-8", "replace")).hexdigest()[:32]
