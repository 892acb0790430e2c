"""The connection to the model's API, opened when it is first needed: its import takes a moment.

With an HTTP client of our own, whose types are the few fields we read: OpenAI's library takes
another 30 MiB of every process that asks a model.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from aiohttp import ClientSession

OPENAI: Final = "https://api.openai.com/v1"


@dataclass
class ModelConnection:
    api_key: str
    base_url: str
    _session: ClientSession | None = field(default=None, init=False)

    async def warm_up(self) -> None:
        """Right after the start, beside the first requests."""
        await asyncio.to_thread(import_module, "aiohttp")

    async def session(self) -> ClientSession:
        if self._session is None:
            # While a thread still imports it, an import here would stop the loop until that is
            # through, and others would take over what this process is answering.
            await self.warm_up()
        return self._opened()

    def _opened(self) -> ClientSession:
        if self._session is None:
            from aiohttp import ClientSession, DummyCookieJar, TCPConnector

            url = f"{(self.base_url or OPENAI).rstrip('/')}/"
            self._session = ClientSession(
                url,
                headers={"Authorization": f"Bearer {self.api_key}"},
                connector=TCPConnector(limit=0),  # who may ask at once is the purse's business
                cookie_jar=DummyCookieJar(),
                proxy=proxy_to(url),
            )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def proxy_to(url: str) -> str | None:
    """Of the environment; the library itself would look there, and for a `.netrc`, every time."""
    to, known = urlsplit(url), getproxies()
    proxy = known.get(to.scheme) or known.get("all", "")
    return proxy if proxy.startswith("http") and not proxy_bypass(to.netloc) else None
