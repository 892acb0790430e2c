"""Files that OpenAI keeps: carried to our own attachments service, which looks at them and cleans
them as if the visitor had sent them to us.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from ssl import SSLContext
from typing import Any, Final

import msgspec
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from libs.attachments.records import (
    LARGEST_BYTES,
    UPLOAD_SECONDS,
    StoredAttachment,
    clean_name,
    find_record,
    put_record,
    upload_link,
)
from libs.blobs.port import Blobs
from libs.conversations.port import Attachment
from libs.runtime.clock import Clock
from services.lead.ports import Owner
from services.lead.provider_urls import is_public, provider_host

FETCH: Final = ClientTimeout(total=8)
HAND_OVER: Final = ClientTimeout(total=40)
"""Cleaning a picture takes a second, and up to twenty for one that is meant to hurt."""
ALL_SECONDS: Final = 60.0
_HAD_ITS_SAY: Final = frozenset({200, 400, 413, 415, 429})
_PLAIN: Final = {"Accept-Encoding": "identity"}
_UNKNOWN_TYPE: Final = {"Content-Type": "application/octet-stream"}

LookUp = Callable[[str, int], Awaitable[Sequence[tuple[Any, ...]]]]
"""As `loop.getaddrinfo` answers."""


@dataclass(frozen=True)
class FetchedFiles:
    """HostedFiles. A file that is in already is not fetched again."""

    provider: ClientSession
    attachments: ClientSession
    attachments_url: str
    blobs: Blobs
    keys: Sequence[str]
    clock: Clock

    async def take_in(
        self, owner: Owner, files: Iterable[Attachment]
    ) -> dict[str, StoredAttachment]:
        kept: dict[str, StoredAttachment] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(ALL_SECONDS):
                for file in files:
                    kept[file.id] = await self._take_in(owner, file)
        return kept

    async def _take_in(self, owner: Owner, file: Attachment) -> StoredAttachment:
        announced = StoredAttachment(
            id=own_id(owner, file.id),
            shop=owner.shop,
            visitor=owner.visitor,
            name=_without_type(file.name),
            created_at=self.clock.now(),
            thread_id=owner.thread_id,
        )
        known = await find_record(self.blobs, announced.id)
        if known is not None and (known.mime_type or known.problem):
            return known
        await put_record(self.blobs, announced)
        if await self._carry(announced.id, file.preview_url):
            return await find_record(self.blobs, announced.id) or announced
        return msgspec.structs.replace(announced, problem="unreachable")

    async def _carry(self, attachment_id: str, url: str) -> bool:
        """Whether our service had its say: the record holds what it is, or why not."""
        if provider_host(url) is None:
            return False
        expires = int(self.clock.now()) + UPLOAD_SECONDS
        link = upload_link(self.keys, self.attachments_url, attachment_id, expires)
        try:
            async with self.provider.get(
                URL(url, encoded=True), headers=_PLAIN, allow_redirects=False, timeout=FETCH
            ) as found:
                if found.status != 200:  # noqa: PLR2004 - HTTP's own number
                    return False
                body = _up_to_the_cap(found.content)
                async with self.attachments.put(
                    link, data=body, headers=_UNKNOWN_TYPE, timeout=HAND_OVER
                ) as said:
                    return said.status in _HAD_ITS_SAY
        except (ClientError, TimeoutError, OSError):
            return False


def own_id(owner: Owner, file_id: str) -> str:
    """The same for the same file of the same thread, so that nothing is kept twice."""
    named = f"{owner.shop}\n{owner.thread_id}\n{file_id}".encode()
    return "att_" + urlsafe_b64encode(hashlib.sha256(named).digest())[:22].decode()


def _without_type(name: str) -> str:
    """The provider may give another format than the one that was sent: the bytes will tell."""
    return clean_name(PurePath(clean_name(name)).stem.replace(".", " "))


async def _up_to_the_cap(content: StreamReader) -> AsyncIterator[bytes]:
    """And a little more, which is how our service knows."""
    size = 0
    async for piece in content.iter_any():
        size += len(piece)
        yield piece
        if size > LARGEST_BYTES:
            return


class PinnedResolver(AbstractResolver):
    """Asks once, and the connection goes to the address that was looked at.

    Raises OSError unless every address is a public one: a name that also leads inside is a trap.
    """

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if provider_host(f"https://{host}/") is None:
            raise OSError("not a host of the provider")
        found = await self._look_up(host, port)
        if not found or not all(is_public(address[4][0]) for address in found):
            raise OSError("not a public address")
        kind, *_, address = found[0]
        return [
            ResolveResult(
                hostname=host, host=address[0], port=port, family=kind, proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""


def provider_session(
    look_up: LookUp | None = None, trust: SSLContext | None = None
) -> ClientSession:
    """No proxy, no cookies, no kept connection, no answer remembered longer than its request."""
    connector = TCPConnector(
        resolver=PinnedResolver(look_up or _look_up),
        use_dns_cache=False,
        force_close=True,
        ssl=trust or True,
    )
    return ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False, trust_env=False
    )


async def _look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
