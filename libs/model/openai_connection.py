"""The connection to OpenAI, opened when it is first needed: its import takes a second."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST_WAIT_SECONDS: Final = 600.0


@dataclass
class OpenAIConnection:
    """Time-outs and the number of tries are set by whoever calls."""

    api_key: str
    base_url: str = ""
    _client: AsyncOpenAI | None = field(default=None, init=False, repr=False)

    async def warm_up(self) -> None:
        """Right after the start, beside the first requests."""
        await asyncio.to_thread(import_module, "openai")

    @property
    def client(self) -> AsyncOpenAI:
        if self._client is None:
            from openai import AsyncOpenAI

            self._client = AsyncOpenAI(api_key=self.api_key, base_url=self.base_url or None)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()


def asked_wait(retry_after: str, longest: float = LONGEST_WAIT_SECONDS) -> float | None:
    """Seconds, as the header says; None without it, or for its date, which OpenAI does not send."""
    try:
        asked = float(retry_after)
    except ValueError:
        return None
    return min(asked, longest) if math.isfinite(asked) and asked > 0 else None
