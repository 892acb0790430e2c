"""What passed a proxy, split into calls as the tables of `call_sites` know them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import hiredis

from tests.faults.proxy import Proxy

_REQUEST = re.compile(rb"(?=(?:GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n)")
_MAIL = re.compile(rb"(\r\nDATA\r\n).*?(\r\n\.\r\n|\Z)", re.DOTALL | re.IGNORECASE)


def redis_calls(wire: Proxy) -> Iterator[bytes]:
    for sent in wire.sent:
        reader = hiredis.Reader()
        reader.feed(bytes(sent))
        while command := reader.gets():
            yield hiredis.pack_command(tuple(command))


def http_calls(wire: Proxy) -> Iterator[bytes]:
    for sent in wire.sent:
        yield from filter(None, _REQUEST.split(bytes(sent)))


def smtp_calls(wire: Proxy) -> Iterator[bytes]:
    """Without the mails; what follows STARTTLS is one call, for nobody can read it."""
    for sent in wire.sent:
        clear, starttls, hidden = bytes(sent).partition(b"STARTTLS\r\n")
        lines = _MAIL.sub(rb"\1.\r\n", clear).splitlines(keepends=True)
        yield from filter(None, (*lines, starttls, hidden))
