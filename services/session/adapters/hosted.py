"""Sessions of the ChatKit that OpenAI hosts."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from libs.identity.sessions import SESSION_SECONDS
from libs.runtime.clock import Clock
from libs.shops.hours import state_at
from services.session.ports import CannotMint, Mode, Ticket, Wanted

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.beta.chatkit import ChatSession

CALL_SECONDS: Final = 8.0
"""A visitor waits for this; their browser asks again by itself."""
MAX_FILE_MEGABYTES: Final = 12
MAX_FILES: Final = 7
LONGEST_PAGE_URL: Final = 512
MISCONFIGURED_RETRY_SECONDS: Final = 60.0
"""Our key or workflow is wrong: a person must act, so nobody need ask again at once."""
BUSY_RETRY_SECONDS: Final = 5.0
MOST_RETRY_SECONDS: Final = 600.0


@dataclass(frozen=True)
class HostedChatSessions:
    """ChatSessions. Time-out and number of tries are ours, not the client's."""

    client: AsyncOpenAI
    workflow_id: str
    clock: Clock
    mode: Mode = "hosted"

    async def create(self, wanted: Wanted) -> Ticket:
        import openai

        try:
            async with asyncio.timeout(CALL_SECONDS):
                session = await self._call(wanted)
        except openai.APIStatusError as error:
            raise _explained(error) from error
        except (openai.APIError, TimeoutError, ValueError) as error:
            code = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
            raise CannotMint(code, retry_after_seconds=BUSY_RETRY_SECONDS) from error
        if not _is_session(session):
            raise CannotMint("malformed_answer", retry_after_seconds=BUSY_RETRY_SECONDS)
        return Ticket(client_secret=session.client_secret, expires_at=session.expires_at)

    async def _call(self, wanted: Wanted) -> ChatSession:
        limits = wanted.shop.limits
        return await self.client.with_options(max_retries=0).beta.chatkit.sessions.create(
            user=wanted.visitors[0],
            workflow={"id": self.workflow_id, "state_variables": self._state(wanted)},
            expires_after={"anchor": "created_at", "seconds": SESSION_SECONDS},
            rate_limits={"max_requests_per_1_minute": limits.messages_per_minute},
            chatkit_configuration={
                "file_upload": {
                    "enabled": True,
                    "max_file_size": MAX_FILE_MEGABYTES,
                    "max_files": MAX_FILES,
                },
                "history": {"enabled": True, "recent_threads": limits.recent_threads},
            },
            timeout=CALL_SECONDS,
        )

    def _state(self, wanted: Wanted) -> dict[str, str | int | bool | float]:
        return {
            "locale": wanted.locale,
            "page_url": wanted.page_url[:LONGEST_PAGE_URL],
            **state_at(wanted.shop, self.clock.now()).variables(),
        }


def _is_session(session: object) -> bool:
    """The SDK lets any JSON pass for its type."""
    secret = getattr(session, "client_secret", None)
    expires = getattr(session, "expires_at", None)
    return isinstance(secret, str) and bool(secret) and isinstance(expires, int)


def _explained(error: APIStatusError) -> CannotMint:
    """429 and 5xx pass; anything else is our own set-up."""
    status = error.status_code
    busy = status == 429 or status >= 500  # noqa: PLR2004 - HTTP's own numbers
    usual = BUSY_RETRY_SECONDS if busy else MISCONFIGURED_RETRY_SECONDS
    return CannotMint(
        str(error.code or error.type or "error")[:64],
        status=status,
        retry_after_seconds=_asked_wait(error.response.headers.get("retry-after", ""), usual),
    )


def _asked_wait(header: str, usual: float) -> float:
    try:
        asked = float(header)
    except ValueError:  # absent, or the date form, which OpenAI does not send
        return usual
    return min(asked, MOST_RETRY_SECONDS) if math.isfinite(asked) and asked > 0 else usual
