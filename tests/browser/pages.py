"""Somebody's own website, on another loopback origin, with our script tag in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Another shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<script src="{script}" {attributes} defer></script></head>
<body><main><h1>Another shop</h1><p>{words}</p></main></body></html>"""


def page_with(script: str, attributes: str = "", words: str = "Welcome.") -> str:
    return PAGE.format(script=script, attributes=attributes, words=words)


@asynccontextmanager
async def other_site(html: str) -> AsyncIterator[str]:
    """Serves this page at every path; yields its origin."""

    async def serve(request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{tail:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
