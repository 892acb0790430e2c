"""An HTTP session that follows no redirect: aiohttp would post the mail again on a 307."""

from __future__ import annotations

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession


class OneShotSession(AIOHTTPSession):  # type: ignore[misc] # aiobotocore ships no types
    """aiobotocore offers no switch for it, so the session it opens is wrapped."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _WithoutRedirects(await super()._get_session(proxy_url))


class _WithoutRedirects:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, *arguments: Any, **options: Any) -> Any:
        return await self._session.request(*arguments, allow_redirects=False, **options)
