"""Which client an address means.

redis://  rediss://  unix://            one server (redis-py's own forms)
redis+sentinel://host:port,…/name[/db]  the master that these sentinels name
redis+cluster://host:port,…             a cluster, found through these nodes
fake://                                 a fakeredis in this process
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.errors import SettingsError
from libs.redis.client import Redis, RedisClient
from libs.redis.cluster import ClusterClient
from libs.redis.fastest import fastest
from libs.redis.link import CONNECT_SECONDS, REPLY_SECONDS, Link, Opener

if TYPE_CHECKING:
    from fakeredis import FakeServer

Address = tuple[str, int]


def connect(url: str | FakeServer, *, name: str) -> Redis:
    """Opens nothing yet. Raises SettingsError for an address that means nothing."""
    if not isinstance(url, str) or url.startswith("fake:"):
        from libs.redis.fakeredis_wire import FakeWire, new_server

        server = new_server() if isinstance(url, str) else url
        return RedisClient(lambda: FakeWire(server))
    scheme = urlsplit(url).scheme
    try:
        if scheme.endswith("+sentinel"):
            return _sentinel(url, name)
        if scheme.endswith("+cluster"):
            return _cluster(url, name)
        opener = _opener({**parse_url(url), **_options(name)})
    except ValueError as error:
        raise SettingsError(f"REDIS_URL is not an address of a Redis: {error}.") from error
    return RedisClient(lambda: Link(opener))


def _options(name: str) -> dict[str, Any]:
    """No retry anywhere: redis-py would send a command again whose reply was lost."""
    return {
        "protocol": 2,
        "socket_timeout": REPLY_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "client_name": name,
        "driver_info": None,
    }


def _cluster(url: str, name: str) -> Redis:
    common, addresses, _ = _parts(url, name)

    def link(address: Address) -> RedisClient:
        return RedisClient(lambda: Link(_opener(common, address)))

    return ClusterClient(link, addresses)


def _sentinel(url: str, name: str) -> Redis:
    common, addresses, path = _parts(url, name)
    master, _, db = path.partition("/")
    if not master:
        raise ValueError("it names no master")
    kind = common["connection_class"]
    sentinels = [
        Link(_opener({"connection_class": kind, **_options(name)}, one)) for one in addresses
    ]

    async def opener() -> AbstractConnection:
        address = await _ask_sentinels(sentinels, master)
        return await _opener({**common, "db": int(db or 0)}, address)()

    return RedisClient(lambda: Link(opener), also_close=sentinels)


async def _ask_sentinels(sentinels: list[Link], master: str) -> Address:
    asked = [sentinel.send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master) for sentinel in sentinels]
    host, port = await fastest(asked, "no sentinel names a master")
    return host.decode(), int(port)


def _opener(common: Mapping[str, Any], address: Address | None = None) -> Opener:
    """None: the place stands in `common`."""
    given = {**common, **({"host": address[0], "port": address[1]} if address else {})}
    kind: type[AbstractConnection] = given.pop("connection_class", Connection)

    async def opener() -> AbstractConnection:
        return kind(**given)

    return opener


def _parts(url: str, name: str) -> tuple[dict[str, Any], list[Address], str]:
    """User and password count for every server; several hosts are parted by commas."""
    split = urlsplit(url)
    secret, _, hosts = split.netloc.rpartition("@")
    base = split.scheme.partition("+")[0]
    given: dict[str, Any] = dict(parse_url(f"{base}://{secret}@host" if secret else f"{base}://x"))
    given.pop("host")
    given.setdefault("connection_class", SSLConnection if base == "rediss" else Connection)
    addresses = []
    for host in hosts.split(","):
        place, _, port = host.rpartition(":")
        addresses.append((place or host, int(port) if place else 6379))
    return {**given, **_options(name)}, addresses, split.path.strip("/")
