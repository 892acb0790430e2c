"""What a listener answered: a log line and the numbers, gathered and written a few times a second.

Written one by one, the line and three counters cost more than deciding the answer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import lru_cache
from typing import Final

import msgspec

from libs.runtime.clock import Clock
from libs.runtime.log import Log, stamp
from libs.runtime.metrics import HTTP_REQUESTS, HTTP_SECONDS, Metrics
from libs.web.call import Call

_FLUSH_SECONDS: Final = 0.05
_MANY: Final = 100
"""More at once would hold up the loop for longer than an answer takes."""
_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429


class Tally(msgspec.Struct):
    """For `/metrics` in JSON."""

    requests: int = 0
    errors: int = 0
    limited: int = 0
    seconds: float = 0.0


Answered = tuple[float, Call, str, int, float]
"""When, which call, by which route, with which status, in how many seconds."""


class Requests:
    """The lines need no redaction: every value is a code of ours or was matched by a pattern."""

    def __init__(self, listener: str, log: Log, metrics: Metrics, clock: Clock) -> None:
        self._listener = listener  # a process may have several, each with a /health of its own
        self._log = log
        self.metrics = metrics
        self.clock = clock
        self._answered: list[Answered] = []
        self._tally = Tally()
        self.started = clock.boot()

    def add(self, call: Call, route: str, status: int, seconds: float) -> None:
        answered = self._answered
        answered.append((self.clock.now(), call, route, status, seconds))
        if len(answered) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        elif len(answered) >= _MANY:
            self.flush()

    @property
    def tally(self) -> Tally:
        self.flush()
        return self._tally

    def flush(self) -> None:
        answered, self._answered = self._answered, []
        if answered:
            self._count(answered)
            if self._log.chatty:
                self._log.write_lines("".join(map(self._line, answered)))

    def _count(self, answered: list[Answered]) -> None:
        tally = self._tally
        series: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for _, _, route, status, seconds in answered:
            series[route, status].append(seconds)
        for (route, status), times in series.items():
            self.metrics.count(HTTP_REQUESTS, self._listener, route, str(status), by=len(times))
            self.metrics.observe_all(HTTP_SECONDS, self._listener, route, all_seconds=times)
            tally.requests += len(times)
            tally.seconds += sum(times)
            tally.errors += len(times) if status >= _SERVER_ERROR else 0
            tally.limited += len(times) if status == _TOO_MANY_REQUESTS else 0

    def _line(self, answered: Answered) -> str:
        at, call, route, status, seconds = answered
        outcome = f',"outcome":"{call.outcome}"' if call.outcome else ""
        thread = f',"thread_id":"{call.thread_id}"' if call.thread_id else ""
        shop = f',"shop":"{call.shop}"' if call.shop else ""
        return (
            f'{{"timestamp":"{_second(int(at))}.{int(at % 1 * 1000):03d}Z","level":"info",'
            f'"service":"{self._log.service}","event":"request",'
            f'"request_id":"{call.request_id}","route":"{route}",'
            f'"status":{status},"seconds":{seconds:.6f}{outcome}{thread}{shop}}}\n'
        )


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return stamp(second).partition(".")[0]
