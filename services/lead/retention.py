"""What is kept about customers, and for how long, where no store ages by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from libs.blobs.port import Blobs
from libs.errors import Unavailable
from libs.leads.attribution import RETENTION_SECONDS
from libs.leads.message_links import LIFE_SECONDS
from libs.runtime.clock import Clock
from libs.runtime.log import Log
from services.lead.contact.extract import forget_read_lines

KEPT_SECONDS: Final = {
    "snapshots/": 90 * 86_400.0,
    "mail/": 90 * 86_400.0,
    "summaries/": 90 * 86_400.0,
    "chatkit-attachments/": 365 * 86_400.0,
    "renditions/": 365 * 86_400.0,
    "attachments/": 365 * 86_400.0,
    "message-links/": LIFE_SECONDS + 86_400.0,
    "touches/": RETENTION_SECONDS,
    "signals/": RETENTION_SECONDS,
}
"""By prefix. In S3 a lifecycle rule of the bucket does this; a folder has us."""
EVERY_SECONDS: Final = 86_400.0
MEMORY_SECONDS: Final = 600.0
"""How long lines that were read stay in memory, where `handoff forget` does not come."""


async def forget_lines() -> None:
    while True:
        await asyncio.sleep(MEMORY_SECONDS)
        forget_read_lines()


@dataclass(frozen=True)
class Retention:
    blobs: Blobs
    clock: Clock
    log: Log

    async def run(self) -> None:
        while True:
            await self.tidy()
            await asyncio.sleep(EVERY_SECONDS)

    async def tidy(self) -> None:
        """Two processes may tidy at once: what is gone is gone."""
        try:
            removed = sum([await self._tidy(*rule) for rule in KEPT_SECONDS.items()])
        except Unavailable as error:
            self.log.warning("tidy_failed", part=error.part)
            return
        self.log.info("tidied", count=removed)

    async def _tidy(self, prefix: str, seconds: float) -> int:
        oldest = self.clock.now() - seconds
        old = [info.key async for info in self.blobs.list(prefix) if info.modified_at < oldest]
        return sum([await self.blobs.delete(key) for key in old])
