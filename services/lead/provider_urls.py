"""Which URLs of a hosted conversation we fetch, and which addresses we connect to for them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_HOST: Final = r"(?:files|sdmntpr[a-z0-9]{1,32})\.oaiusercontent\.com"
"""Where OpenAI keeps what visitors upload: `files`, and its regional `sdmntpr…` names."""

_URL: Final = re.compile(rf"https://({_HOST})(?::443)?/[!-\[\]-~]*", re.ASCII)
"""Written the one plain way: no user, no other port, no backslash, blank or foreign letter."""
_LONGEST_URL: Final = 8192

_NEVER: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # the protocols' own
            "192.88.99.0/24",  # 6to4 relays
            "168.63.129.16/32",  # a cloud's own metadata, on a public address
            "64:ff9b::/96",  # NAT64: any IPv4 address, private ones too
            "64:ff9b:1::/48",
            "2002::/16",  # 6to4
            "2001::/32",  # Teredo
            "3fff::/20",  # for books
        ),
    )
)
_UNICAST: Final = ipaddress.ip_network("2000::/3")


def provider_host(url: str) -> str | None:
    """The provider's host that this URL names; None: we do not fetch it."""
    found = _URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    return found[1] if found else None


def is_public(text: str) -> bool:
    """Whether it is an address of the public internet, and no other kind dressed up as one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if address.version == 6 and address not in _UNICAST:  # noqa: PLR2004 - the protocol's own name
        return False
    return address.is_global and not address.is_multicast
