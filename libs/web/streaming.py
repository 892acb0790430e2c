"""Answers that leave in pieces."""

from __future__ import annotations

from aiohttp import web

from libs.web.answers import Headers
from libs.web.call import Call
from libs.web.headers import headers_of


async def begin(call: Call, own: Headers, *, status: int = 200) -> web.StreamResponse:
    """An answer whose headers are out; from here on only its connection can fail."""
    if call.request is None:
        raise TypeError(f"{call.path} is a `whole` route: it cannot stream")
    response = web.StreamResponse(status=status, headers=headers_of(call, own))
    await response.prepare(call.request)
    return response
