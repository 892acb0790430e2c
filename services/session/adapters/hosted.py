"""Sessions of the ChatKit that OpenAI hosts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from libs.identity.sessions import SESSION_SECONDS, carried_page
from libs.identity.visitors import hosted_user
from libs.model.openai_connection import asked_wait
from libs.runtime.clock import Clock
from libs.shops.hours import state_at
from libs.shops.locales import locale_of
from services.session.ports import CannotMint, Mode, Ticket, Wanted

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

CALL_SECONDS: Final = 8.0
"""A visitor waits for this; their browser asks again by itself."""
MAX_FILE_MEGABYTES: Final = 12
MAX_FILES: Final = 7
MISCONFIGURED_RETRY_SECONDS: Final = 60.0
"""Our key or workflow is wrong: a person must act, so nobody need ask again at once."""
BUSY_RETRY_SECONDS: Final = 5.0


class _Minted(msgspec.Struct, frozen=True):
    """What we need of OpenAI's answer."""

    client_secret: Annotated[str, msgspec.Meta(min_length=1)]
    expires_at: int


@dataclass(frozen=True)
class HostedChatSessions:
    """ChatSessions. Time-out and number of tries are ours, not the client's."""

    client: AsyncOpenAI
    workflow_id: str
    clock: Clock
    alone: bool = True
    """Whether only one shop is served."""
    mode: Mode = "hosted"

    async def create(self, wanted: Wanted) -> Ticket:
        import openai

        try:
            async with asyncio.timeout(CALL_SECONDS):
                minted = msgspec.convert(await self._call(wanted), _Minted)
        except openai.APIStatusError as error:
            raise _explained(error) from error
        except (openai.APIError, TimeoutError, ValueError) as error:
            code = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
            raise CannotMint(code, retry_after_seconds=BUSY_RETRY_SECONDS) from error
        return Ticket(client_secret=minted.client_secret, expires_at=minted.expires_at)

    async def _call(self, wanted: Wanted) -> object:
        """`beta.chatkit.sessions.create`, one level below.

        `client.beta` loads every beta type of the SDK: 25 MB, and over a second in which this
        process serves nobody.
        """
        limits = wanted.shop.limits
        body = {
            "user": hosted_user(wanted.visitors[0], wanted.shop.slug, alone=self.alone),
            "workflow": {"id": self.workflow_id, "state_variables": self._state(wanted)},
            "expires_after": {"anchor": "created_at", "seconds": SESSION_SECONDS},
            "rate_limits": {"max_requests_per_1_minute": limits.messages_per_minute},
            "chatkit_configuration": {
                "file_upload": {
                    "enabled": True,
                    "max_file_size": MAX_FILE_MEGABYTES,
                    "max_files": MAX_FILES,
                },
                "history": {"enabled": True, "recent_threads": limits.recent_threads},
            },
        }
        return await self.client.post(
            "/chatkit/sessions",
            body=body,
            cast_to=object,
            options={
                "headers": {"OpenAI-Beta": "chatkit_beta=v1"},
                "timeout": CALL_SECONDS,
                "max_retries": 0,
            },
        )

    def _state(self, wanted: Wanted) -> dict[str, str | bool]:
        return {
            "locale": locale_of(wanted.locale),
            "page_url": carried_page(wanted.page_url),
            **state_at(wanted.shop, self.clock.now()).variables(),
        }


def _explained(error: APIStatusError) -> CannotMint:
    """429 and 5xx pass; anything else is our own set-up."""
    status = error.status_code
    busy = status == 429 or status >= 500  # noqa: PLR2004 - HTTP's own numbers
    usual = BUSY_RETRY_SECONDS if busy else MISCONFIGURED_RETRY_SECONDS
    return CannotMint(
        str(error.code or error.type or "error")[:64],
        status=status,
        retry_after_seconds=asked_wait(error.response.headers.get("retry-after", "")) or usual,
    )
