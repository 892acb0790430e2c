"""A Redis Cluster: each command goes to the node that holds its key's slot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.crc import key_slot

from libs.errors import Unavailable
from libs.redis.client import RedisClient, Script
from libs.redis.fastest import fastest
from libs.redis.link import Redirected, Reply, Word

_KEY_AT: Final = {"EVAL": 3, "EVALSHA": 3, "XGROUP": 2, "XINFO": 2}
_KEYLESS: Final = frozenset({"INFO", "PING", "TIME"})
_REDIRECTS: Final = 5
_SILENT: Final = "no node of the cluster answers"

Address = tuple[str, int]
Slots = list[tuple[int, int, Address]]
Send = Callable[[RedisClient], Awaitable[Reply]]


class ClusterClient:
    """Redis. The map of slots is read when first needed and again when it proves wrong."""

    def __init__(
        self, connect: Callable[[Address], RedisClient], addresses: Sequence[Address]
    ) -> None:
        self._connect = connect
        self._seeds = tuple(addresses)
        self._nodes: dict[Address, RedisClient] = {}
        self._slots: Slots = []
        self._mapping = asyncio.Lock()

    @property
    def reply_seconds(self) -> float:
        """All nodes are reached over the same kind of wire."""
        return self._at(self._seeds[0]).reply_seconds

    async def execute(self, *command: Word) -> Reply:
        if str(command[0]).upper() in _KEYLESS:
            asked = (self._at(address).execute(*command) for address in self._known())
            return await fastest(asked, _SILENT)
        return await self._route(command, lambda node: node.execute(*command))

    async def everywhere(self, *command: Word) -> list[Reply]:
        masters = {address for _, _, address in await self._map()}
        try:
            return await asyncio.gather(*(self._at(one).execute(*command) for one in masters))
        except Unavailable:
            self._slots = []
            raise

    async def block(self, *command: Word) -> Reply:
        return await self._route(command, lambda node: node.block(*command))

    async def script(self, script: Script, keys: Sequence[str], *args: Word) -> Reply:
        command: list[Word] = ["EVALSHA", script.sha, len(keys), *keys]
        return await self._route(command, lambda node: node.script(script, keys, *args))

    async def aclose(self) -> None:
        for node in self._nodes.values():
            await node.aclose()

    async def _route(self, command: Sequence[Word], send: Send) -> Reply:
        """A redirected command was not executed, so sending it again is not sending it twice."""
        for _ in range(_REDIRECTS):
            node = await self._node(command)
            try:
                return await send(node)
            except Redirected as redirected:
                if redirected.asking:
                    # A slot on the move; its map changes when the move is over.
                    raise Unavailable("redis", "a slot is being moved") from redirected
                self._slots = []
            except Unavailable:
                self._slots = []
                raise
        raise Unavailable("redis", "the cluster sends us in circles")

    async def _node(self, command: Sequence[Word]) -> RedisClient:
        slot = key_slot(_key(command))
        for first, last, address in await self._map():
            if first <= slot <= last:
                return self._at(address)
        raise Unavailable("redis", "no node holds the slot")

    async def _map(self) -> Slots:
        if not self._slots:
            async with self._mapping:
                if not self._slots:
                    asked = (self._map_of(address) for address in self._known())
                    self._slots = await fastest(asked, _SILENT)
        return self._slots

    async def _map_of(self, address: Address) -> Slots:
        rows = await self._at(address).execute("CLUSTER", "SLOTS")
        return [
            (first, last, (master[0].decode() or address[0], master[1]))
            for first, last, master, *_ in rows
        ]

    def _known(self) -> set[Address]:
        """Nodes come and go: those we were told of at first may be gone, those we met may live."""
        return {*self._seeds, *self._nodes}

    def _at(self, address: Address) -> RedisClient:
        if address not in self._nodes:
            self._nodes[address] = self._connect(address)
        return self._nodes[address]


def _key(command: Sequence[Word]) -> bytes:
    name = str(command[0]).upper()
    at = command.index("STREAMS") + 1 if "STREAMS" in command else _KEY_AT.get(name, 1)
    key = command[at]
    return key if isinstance(key, bytes) else str(key).encode()
