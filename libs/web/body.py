"""Bodies: read within a size and a time, decoded with an error that names the field."""

from __future__ import annotations

import asyncio
import re
from typing import Final, TypeVar

import msgspec

from libs.web.answers import Refused
from libs.web.call import Call

T = TypeVar("T")

BODY_SECONDS: Final = 10.0
JSON_BYTES: Final = 64 * 1024

_JSON: Final = frozenset({"application/json"})
_BEACON: Final = frozenset({"application/json", "text/plain"})
_AT: Final = re.compile(r" - at `\$\.?([A-Za-z_.]*)[^`]*`$")
_MISSING: Final = re.compile(r"field `([A-Za-z_]+)`")
_NAMED: Final = re.compile(r"`([A-Za-z_]+)`( .+)")
"""As a form's own check says it."""


async def read_body(
    call: Call, *, limit_bytes: int = JSON_BYTES, seconds: float = BODY_SECONDS
) -> bytes:
    announced = call.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise Refused("too_large", f"The body is larger than {limit_bytes} bytes.")
    payload = call.payload
    if payload.is_eof() and payload.exception() is None:
        body = payload.read_nowait()
    else:
        body = await _gather(call, limit_bytes, seconds)
    if len(body) > limit_bytes:
        raise Refused("too_large", f"The body is larger than {limit_bytes} bytes.")
    return body


async def _gather(call: Call, limit_bytes: int, seconds: float) -> bytes:
    invite(call)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while len(body) <= limit_bytes and (piece := await call.payload.readany()):
                body += piece
    except TimeoutError as error:
        raise Refused("too_slow") from error
    return bytes(body)


def invite(call: Call) -> None:
    """Say `100 Continue` to a client that waits for it before it sends its body."""
    if call.request is not None and call.headers.get("Expect", "").lower() == "100-continue":
        transport = call.request.transport
        if transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def decode(call: Call, body: bytes, decoder: msgspec.json.Decoder[T], *, beacon: bool = False) -> T:
    """`beacon`: `sendBeacon` may only say text/plain; its body is JSON all the same."""
    kind = call.headers.get("Content-Type", "")
    if kind != "application/json" or "Content-Encoding" in call.headers:
        check_type(call, kind, _BEACON if beacon else _JSON)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("invalid_json") from error


def check_type(call: Call, kind: str, taken: frozenset[str]) -> None:
    if kind.partition(";")[0].strip().lower() not in taken:
        raise Refused("unsupported_type")
    charset = kind.lower().partition("charset=")[2].strip(' "')
    if charset not in {"", "utf-8", "utf8"}:
        raise Refused("unsupported_type", "Send the body in UTF-8.")
    if call.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("unsupported_type", "Send the body without a Content-Encoding.")


def _wrong_field(problem: str) -> Refused:
    """Name the field and what it must be, never its value."""
    at = _AT.search(problem)
    what = problem[: at.start()] if at else problem
    path = at[1] if at else ""
    if named := _NAMED.match(what):
        path, what = f"{path}.{named[1]}".lstrip("."), f"it{named[2]}"
    elif missing := _MISSING.search(what):
        path, what = f"{path}.{missing[1]}".lstrip("."), "it is required"
    if path == "threadId":
        return Refused("invalid_thread")
    if not path:
        return Refused("invalid_json")
    if "matching regex" in what:
        what = "it holds characters that it does not take"
    return Refused("invalid_field", f"The field `{path}` is wrong: {what}.")
