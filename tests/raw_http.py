"""HTTP by hand, for what no client library would send."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict

SECONDS = 60.0


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


async def talk(port: int, *pieces: bytes, half_close: bool = False) -> RawAnswer:
    """Send the pieces, read one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(SECONDS):
            return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> RawAnswer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    headers = CIMultiDict(tuple(line.split(": ", 1)) for line in lines)
    length = int(headers.get("Content-Length", "0"))
    return RawAnswer(int(first.split(" ")[1]), headers, await reader.readexactly(length))
