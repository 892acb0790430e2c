"""The headers that every answer carries, and those that let a shop's page read it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from libs.web.answers import Headers
from libs.web.call import Call

REQUEST_ID: Final = "X-Request-ID"

SECURITY: Final = {
    "Server": "handoff",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",  # heeded over https only
}
"""For JSON; a page or a script brings its own policy."""

_EXPOSED: Final = "X-Request-ID, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
_ALLOWED: Final = "Authorization, Content-Type, X-Request-ID, Last-Event-ID, Range"
_PREFLIGHT_SECONDS: Final = 86_400


def headers_of(call: Call, own: Headers = ()) -> dict[str, str]:
    """All headers of an answer to this call; its `own` replace usual ones."""
    return {**_usual(call.readable_by), REQUEST_ID: call.request_id, **dict(own)}


def header_block(call: Call, own: Headers) -> str:
    """The same, as they go over the wire."""
    if own:
        return _lines(headers_of(call, own))
    return f"{REQUEST_ID}: {call.request_id}\r\n{_usual_lines(call.readable_by)}"


def preflight(methods: str) -> Headers:
    return (
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Allow-Headers", _ALLOWED),
        ("Access-Control-Max-Age", str(_PREFLIGHT_SECONDS)),
    )


def _usual(readable_by: str) -> dict[str, str]:
    headers = {**SECURITY, "Vary": "Origin"}
    if readable_by:
        headers["Access-Control-Allow-Origin"] = readable_by
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # or beacons fail in the console
        headers["Access-Control-Expose-Headers"] = _EXPOSED
    return headers


@lru_cache(maxsize=1024)
def _usual_lines(readable_by: str) -> str:
    return _lines(_usual(readable_by))


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
