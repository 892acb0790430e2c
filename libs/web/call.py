"""One HTTP request, as our handlers see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from multidict import CIMultiDictProxy

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.web import BaseRequest

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_LONGEST_QUERY: Final = 4096
_MOST_PARAMETERS: Final = 64


class Call:
    """Handlers fill in `shop`, `thread_id` and `outcome`: they go into the request's log line."""

    __slots__ = (
        "hang_up", "headers", "method", "origin", "outcome", "path", "payload", "peer", "query",
        "readable_by", "request", "request_id", "shop", "thread_id",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        target: str,
        headers: CIMultiDictProxy[str],
        payload: StreamReader,
        peer: str,
        request: BaseRequest | None = None,
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.payload = payload
        self.peer = peer
        self.request = request
        """Where an answer can be streamed; None where it must be whole."""
        self.origin = headers.get("Origin", "")
        self.readable_by = ""
        """The origin whose pages may read the answer."""
        self.hang_up = False
        """The connection ends with the answer."""
        self.request_id = ""
        self.shop = ""
        self.thread_id = ""
        self.outcome = ""

    def parameter(self, name: str) -> str:
        """A query parameter; empty when it is not there, or among more than anybody needs."""
        if len(self.query) > _LONGEST_QUERY or self.query.count("&") >= _MOST_PARAMETERS:
            return ""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return next((value for key, value in pairs if key == name), "")


def request_id_of(given: str) -> str:
    """Theirs, if it is one; else empty."""
    return given if REQUEST_ID.fullmatch(given) else ""
