"""Where a visitor came from and what they did on the page, kept 180 days, carried into their lead.

touches/<visitor>/<when>-<what>.json     one blob a touch, one a signal, and none is ever changed:
signals/<visitor>/<when>-<what>.json     of two writers at once neither loses what it was told

The newest name sorts first. What was known at a moment is read from the names up to it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from libs.blobs.port import Blobs
from libs.blobs.structs import find_struct, put_struct
from libs.leads.snapshot import Signal
from libs.messages.base import Attribution, Touch

T = TypeVar("T")

RETENTION_SECONDS: Final = 180 * 86_400.0
MOST_SIGNALS: Final = 20
"""Shown in a mail, newest kept; a visitor who clicks more often tells nothing new."""
MOST_TOUCHES: Final = 20
"""Read for a lead: the newest, and the oldest for how it began."""
MOST_LISTED: Final = 500
_DAY_SECONDS: Final = 86_400.0
"""What is told for so long is kept anew, so that a lead of today has it for 180 days."""
MOST_A_DAY: Final = 40
"""Touches, and as many signals: two tabs in turn tell something new each time, so may a script."""
_END_OF_TIME: Final = 10**14

_CAMPAIGN: Final = (
    "gclid", "gbraid", "wbraid",
    "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
)  # fmt: skip


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a browser told us once."""

    attribution: Attribution | None = None
    locale: str = ""
    page_url: str = ""
    also: tuple[str, ...] = ()
    """The visitor's ids under other site keys: who is forgotten is forgotten under each."""

    def adds_nothing_to(self, last: Told) -> bool:
        return (
            self.attribution in {None, last.attribution}
            and self.locale in {"", last.locale}
            and self.page_url in {"", last.page_url}
            and set(self.also) <= set(last.also)
        )


class Touches(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the latest time that a browser told us where its visitor came from."""

    first: Attribution | None = None
    last: Attribution | None = None
    locale: str = ""
    page_url: str = ""

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


@dataclass(frozen=True)
class Trails:
    """Reads and writes may be repeated: the same touch or signal twice is stored once."""

    blobs: Blobs

    async def touch(self, where: TrailKey, told: Told, *, at: float) -> None:
        """Not again what was told last, and not without end; but who is forgotten is found."""
        lately = await self._since(where.touches, at - _DAY_SECONDS)
        last = (await self._read(lately[:1], Told) or [Told()])[0]
        enough = len(lately) == MOST_A_DAY and set(told.also) <= set(last.also)
        if enough or told.adds_nothing_to(last):
            return
        await put_struct(self.blobs, _key(where.touches, at, told), told)

    async def touch_each(
        self, shop: str, visitors: Sequence[str], told: Told, *, at: float
    ) -> None:
        """Under each of the visitor's ids: a thread keeps the one that its visitor had then."""
        for visitor in visitors:
            also = tuple(sorted({*visitors} - {visitor}))
            await self.touch(TrailKey(shop, visitor), replace(told, also=also), at=at)

    async def _since(self, prefix: str, since: float) -> list[str]:
        """Newest first, as many as are enough."""
        keys: list[str] = []
        async for info in self.blobs.list(prefix):
            if _when(info.key) <= since or len(keys) == MOST_A_DAY:
                break
            keys.append(info.key)
        return keys

    async def touches(self, where: TrailKey, *, now: float, until: float = math.inf) -> Touches:
        """As they were known at `until`."""
        keys = await self._keys(where.touches, now=now, until=until)
        told = await self._read(keys[:MOST_TOUCHES] + keys[MOST_TOUCHES:][-1:], Told)
        sources = [each.attribution for each in told if each.attribution]
        return Touches(
            first=sources[-1] if sources else None,
            last=sources[0] if sources else None,
            locale=next((each.locale for each in told if each.locale), ""),
            page_url=next((each.page_url for each in told if each.page_url), ""),
        )

    async def also(self, where: TrailKey) -> set[str]:
        """Every id that the same browser is known to have had."""
        keys = [info.key async for info in self.blobs.list(where.touched)]
        return {other for each in await self._read(keys, Told) for other in each.also}

    async def add(self, where: TrailKey, signal: Signal) -> None:
        """Not without end either: a person does less in a day, and a lead shows the newest few."""
        if len(await self._since(where.signals, signal.at - _DAY_SECONDS)) == MOST_A_DAY:
            return
        await put_struct(self.blobs, _key(where.signals, signal.at, signal), signal)

    async def signals(
        self, where: TrailKey, *, now: float, until: float = math.inf
    ) -> tuple[Signal, ...]:
        """Oldest first, at most the newest twenty."""
        keys = await self._keys(where.signals, now=now, until=until)
        return tuple(reversed(await self._read(keys[:MOST_SIGNALS], Signal)))

    async def forget(self, where: TrailKey) -> int:
        """How many were kept."""
        removed = 0
        for prefix in (where.touched, where.signals):
            for key in [info.key async for info in self.blobs.list(prefix)]:
                removed += await self.blobs.delete(key)
        return removed

    async def _keys(self, prefix: str, *, now: float, until: float) -> list[str]:
        """Newest first; a long list is not read to its end."""
        keys: list[str] = []
        async for info in self.blobs.list(prefix):
            if _when(info.key) <= until and now - _when(info.key) < RETENTION_SECONDS:
                keys.append(info.key)
            if len(keys) == MOST_LISTED:
                break
        return keys

    async def _read(self, keys: list[str], kind: type[T]) -> list[T]:
        """But those that were forgotten in between."""
        found = [await find_struct(self.blobs, key, kind) for key in keys]
        return [each for each in found if each is not None]


class TrailKey(msgspec.Struct, frozen=True):
    """Whose trail; the visitor is hashed, because a hosted one may be any text."""

    shop: str
    visitor: str

    @property
    def touches(self) -> str:
        return f"touches/{self.shop}/{self._name}/"

    @property
    def touched(self) -> str:
        """Also the one blob in which all touches were kept until November 2026; a lead has no time
        to look for it, who is forgotten is forgotten there too.
        """
        return self.touches.removesuffix("/")

    @property
    def signals(self) -> str:
        return f"signals/{self.shop}/{self._name}/"

    @property
    def _name(self) -> str:
        return hashlib.sha256(self.visitor.encode("utf-8", "replace")).hexdigest()[:32]


def _key(prefix: str, at: float, told: msgspec.Struct) -> str:
    what = hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
    return f"{prefix}{_END_OF_TIME - int(at * 1000):015d}-{what}.json"


def _when(key: str) -> float:
    return (_END_OF_TIME - int(key.rpartition("/")[2].partition("-")[0])) / 1000
