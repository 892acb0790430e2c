"""Whose site a browser is on: only origins of a shop's profile, compared as text, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from libs.shops.profile import Shops
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True)
class Origins:
    shops: Shops
    own: Sequence[str]
    """Of this very listener, in the one-machine mode: its demo page is the default shop's."""

    def shop_of(self, origin: str) -> str:
        """The shop's slug; empty for a stranger. Browsers spell an origin in one way only."""
        shop = self.shops.by_origin.get(origin)
        if shop is not None:
            return shop.slug
        return self.shops.default.slug if origin in self.own else ""


def own_origins(settings: GatewaySettings) -> tuple[str, ...]:
    base = urlsplit(settings.base_url)
    hosts = ("127.0.0.1", "localhost", "[::1]")
    return (
        f"{base.scheme}://{base.netloc}",
        *(f"http://{host}:{settings.port}" for host in hosts),
    )
