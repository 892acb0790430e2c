"""OpenAI's Responses API with a model that thinks a while, then says a word every 25 ms.

Its first word is the moment at which it was written: the clock that both sides of a test share.
It says as many words as the last "40 words" of the request asks for. Bytes only: what it costs
is taken from those whom it serves.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

import uvloop

from tests.openai_shapes import Text, response, stream_events

WORD_SECONDS: Final = 0.025
THINKING_SECONDS: Final = (0.5, 2.0)
_WORDS: Final = re.compile(rb"(\d+) words")
_DELTA: Final = "response.output_text.delta"
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def asks_for(words: int) -> str:
    return f"My truck seat is torn, {words} words"


class Model(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = b""
        self._left = self._said = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        head, found, body = self._asked.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not (found and length) or len(body) < int(length[1]):
            return
        self._asked, self._said = b"", 0
        self._left = int(_WORDS.findall(body)[-1])
        self._transport.write(_HEAD + _BEFORE)
        self._loop.call_later(_thinking.uniform(*THINKING_SECONDS), self._begin)

    def _begin(self) -> None:
        self._write(_chunk(_word(f"{time.monotonic():.6f} ")))
        self._loop.call_later(WORD_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._write(_words[self._said])
        self._said += 1
        if self._said < self._left:
            self._loop.call_later(WORD_SECONDS, self._go_on)
        else:
            self._write(_AFTER + b"0\r\n\r\n")

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def _chunk(*events: dict[str, Any]) -> bytes:
    told = b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)
    return b"%x\r\n%b\r\n" % (len(told), told)


def _word(word: str) -> dict[str, Any]:
    return {**_deltas[0], "delta": word}


def _others(events: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (event for event in events if event["type"] != _DELTA)


_thinking = random.Random(7)
_all = list(stream_events(response({"model": "bench"}, Text("Yes"))))
_deltas = [event for event in _all if event["type"] == _DELTA]
_BEFORE: Final = _chunk(*_others(_all[: _all.index(_deltas[0])]))
_AFTER: Final = _chunk(*_others(_all[_all.index(_deltas[-1]) :]))
_words: Final = [_chunk(_word(f"word{number} ")) for number in range(1000)]


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", port)
    sys.stderr.write('"service_ready"\n')
    sys.stderr.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
