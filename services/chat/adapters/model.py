"""The connection to the model's API, opened when it is first needed: its import takes a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass
class ModelConnection:
    api_key: str
    base_url: str
    _client: AsyncOpenAI | None = field(default=None, init=False)

    async def warm_up(self) -> None:
        """Right after the start, beside the first requests."""
        await asyncio.to_thread(import_module, "openai")

    async def client(self) -> AsyncOpenAI:
        if self._client is None:
            # While a thread still imports it, an import here would stop the loop until that is
            # through, and others would take over what this process is answering.
            await self.warm_up()
        return self._opened()

    def _opened(self) -> AsyncOpenAI:
        """Tries are ours to count, so it makes none of its own."""
        if self._client is None:
            from openai import AsyncOpenAI

            self._client = AsyncOpenAI(
                api_key=self.api_key, base_url=self.base_url or None, max_retries=0
            )
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
