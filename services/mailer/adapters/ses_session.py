"""An HTTP session that posts once: aiohttp would post the mail again on a redirect."""

from __future__ import annotations

import io
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession


class OneShotSession(AIOHTTPSession):  # type: ignore[misc] # aiobotocore ships no types
    """aiobotocore offers no switch for it, so the session it opens is wrapped."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _OneShot(await super()._get_session(proxy_url))


class _OneShot:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, *, data: Any, **options: Any) -> Any:
        """The body as a file: aiohttp writes bytes in one piece, which holds up everybody else."""
        body = io.BytesIO(data) if isinstance(data, bytes | bytearray) else data
        return await self._session.request(method, data=body, allow_redirects=False, **options)
