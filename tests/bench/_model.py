"""OpenAI's Responses API with a model that thinks a while, then says a word every 25 ms.

Its first word is the moment at which it was written: the clock that both sides of a test share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any, Final

import uvloop
from aiohttp import web

from tests.openai_shapes import Text, response, stream_events

WORDS: Final = 40
WORD_SECONDS: Final = 0.025
THINKING_SECONDS: Final = (0.5, 2.0)
_DELTA: Final = "response.output_text.delta"
_thinking = random.Random(7)


async def respond(request: web.Request) -> web.StreamResponse:
    events = list(stream_events(response(await request.json(), Text("Yes"))))
    first = next(place for place, event in enumerate(events) if event["type"] == _DELTA)
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await answer.prepare(request)
    await answer.write(b"".join(map(_sse, events[:first])))
    await asyncio.sleep(_thinking.uniform(*THINKING_SECONDS))
    await answer.write(_sse({**events[first], "delta": f"{time.monotonic():.6f} "}))
    for number in range(WORDS):
        await asyncio.sleep(WORD_SECONDS)
        await answer.write(_sse({**events[first], "delta": f"word{number} "}))
    rest = [event for event in events[first:] if event["type"] != _DELTA]
    await answer.write(b"".join(map(_sse, rest)))
    return answer


def _sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


async def _serve(port: int) -> None:
    application = web.Application()
    application.router.add_post("/v1/responses", respond)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stderr.write('"service_ready"\n')
    sys.stderr.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
