"""What the gateway can be told."""

from __future__ import annotations

from typing import Annotated

import msgspec

from libs.runtime.settings import CommonSettings, Rate, Seconds


def _limit(name: str, count: int, seconds: int = 60) -> Rate:
    rate: Rate = msgspec.field(default=Rate(count, seconds), name=f"LIMIT_{name}")
    return rate


class GatewaySettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    trusted_hops: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many proxies of our own append to X-Forwarded-For before a request is here."""
    answer_seconds: Seconds = 10
    """How long a trigger waits for its decision; 0: it is always queued."""
    chatkit_domain_key: str = ""
    """Lets OpenAI's chat runtime run on our own server; without it our panel is shown."""
    chatkit_runtime_urls: str = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
    """Where our script finds that runtime: tried in this order, comma between."""

    sessions_per_address: Rate = _limit("SESSIONS_PER_ADDRESS", 10)
    triggers_per_address: Rate = _limit("TRIGGERS_PER_ADDRESS", 120)
    triggers_per_visitor: Rate = _limit("TRIGGERS_PER_VISITOR", 120)
    triggers_per_thread: Rate = _limit("TRIGGERS_PER_THREAD", 120)
    """64 tabs that close at once must pass."""
    signals_per_address: Rate = _limit("SIGNALS_PER_ADDRESS", 60)
    uploads_per_visitor: Rate = _limit("UPLOADS_PER_VISITOR", 20)
    chat_per_visitor: Rate = _limit("CHAT_PER_VISITOR", 20)
    links_per_address: Rate = _limit("LINKS_PER_ADDRESS", 30)

    @property
    def runtime_urls(self) -> tuple[str, ...]:
        return tuple(filter(None, map(str.strip, self.chatkit_runtime_urls.split(","))))
