"""Who is calling: the address that our own proxies vouch for, and what a limit counts by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_SHARED_PREFIX = 64
"""One customer of an IPv6 provider owns at least so much."""


def client_address(peer: str, forwarded: Sequence[str], trusted_hops: int) -> str:
    """The right-most hop that is not one of our own `trusted_hops` proxies.

    `forwarded` are the values of X-Forwarded-For: each proxy appends whom it saw, and anything
    further left is only what a client claims.
    """
    if not trusted_hops or not forwarded:
        return peer
    chain = [hop.strip() for value in forwarded for hop in value.split(",")] + [peer]
    return _without_port(chain[max(len(chain) - 1 - trusted_hops, 0)]) or peer


@lru_cache(maxsize=8192)
def counted_by(address: str) -> str:
    """What shares one limit: an IPv4 address, the /64 of an IPv6 one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ip_network((found, _SHARED_PREFIX), strict=False).network_address)
    return str(found)


def _without_port(hop: str) -> str:
    """`1.2.3.4:5678` and `[::1]:80` as some proxies write them; empty when it is no address."""
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        ip_address(bare)
    except ValueError:
        return ""
    return bare
