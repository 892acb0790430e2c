"""Requests without a connection, and the parts an edge is made of."""

from __future__ import annotations

import io
import json
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.web.call import Call
from libs.web.requests import Requests
from tests.clock import HandClock


class Payload:
    """A body that is there already."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def is_eof(self) -> bool:
        return True

    def exception(self) -> None:
        return None

    def read_nowait(self) -> bytes:
        return self.body


def call(
    method: str = "GET", target: str = "/a", body: bytes = b"", peer: str = "192.0.2.1",
    **headers: str,
) -> Call:  # fmt: skip
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    payload: Any = Payload(body)
    return Call(method, target, CIMultiDictProxy(CIMultiDict(named)), payload, peer)


class Recorder:
    """A log that can be read back, and the numbers beside it."""

    def __init__(self) -> None:
        self.clock = HandClock(1_790_000_000.25)
        self.text = io.StringIO()
        self.log = Log("gateway", out=self.text, clock=self.clock)
        self.metrics = Metrics()
        self.requests = Requests("gateway", self.log, self.metrics, self.clock)

    def lines(self, event: str) -> list[dict[str, Any]]:
        self.requests.flush()
        lines = [json.loads(line) for line in self.text.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]
