"""A Redis Cluster: each command goes to the node that holds its key's slot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.crc import key_slot

from libs.errors import Unavailable
from libs.streams.client import RedisClient, Script
from libs.streams.link import Redirected, Reply, Word

_KEY_AT: Final = {"EVAL": 3, "EVALSHA": 3, "XGROUP": 2, "XINFO": 2}
_KEYLESS: Final = frozenset({"INFO", "PING", "TIME"})
_REDIRECTS: Final = 5

Address = tuple[str, int]
Send = Callable[[RedisClient], Awaitable[Reply]]


class ClusterClient:
    """Redis. The map of slots is read when first needed and again when it proves wrong."""

    def __init__(
        self, connect: Callable[[Address], RedisClient], addresses: Sequence[Address]
    ) -> None:
        self._connect = connect
        self._seeds = tuple(addresses)
        self._nodes: dict[Address, RedisClient] = {}
        self._slots: list[tuple[int, int, Address]] = []
        self._mapping = asyncio.Lock()

    async def execute(self, *command: Word) -> Reply:
        return await self._route(command, lambda node: node.execute(*command))

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
        if str(command[0]).upper() in _KEYLESS:
            return self._at(self._seeds[0])
        slot = key_slot(_key(command))
        for first, last, address in self._slots or await self._read_map():
            if first <= slot <= last:
                return self._at(address)
        raise Unavailable("redis", "no node holds the slot")

    async def _read_map(self) -> list[tuple[int, int, Address]]:
        async with self._mapping:
            for address in () if self._slots else (*self._nodes, *self._seeds):
                try:
                    rows = await self._at(address).execute("CLUSTER", "SLOTS")
                except Unavailable:
                    continue
                self._slots = [
                    (first, last, (master[0].decode() or address[0], master[1]))
                    for first, last, master, *_ in rows
                ]
                break
            if not self._slots:
                raise Unavailable("redis", "no node of the cluster answers")
            return self._slots

    def _at(self, address: Address) -> RedisClient:
        if address not in self._nodes:
            self._nodes[address] = self._connect(address)
        return self._nodes[address]


def _key(command: Sequence[Word]) -> bytes:
    name = str(command[0]).upper()
    at = command.index("STREAMS") + 1 if "STREAMS" in command else _KEY_AT.get(name, 1)
    key = command[at]
    return key if isinstance(key, bytes) else str(key).encode()
