"""One log line per request, gathered and written together: a write per line would cost more."""

from __future__ import annotations

import asyncio
from typing import Final

from libs.runtime.clock import Clock
from libs.runtime.log import Log, stamp
from libs.web.call import Call

_FLUSH_SECONDS: Final = 0.05
_MANY_LINES: Final = 1000


class RequestLog:
    """Needs no redaction: every value is a code of ours or was matched against a pattern."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._lines: list[str] = []
        self._second = (0, "")

    def add(self, call: Call, route: str, status: int, seconds: float) -> None:
        if not self._log.chatty:
            return
        outcome = f',"outcome":"{call.outcome}"' if call.outcome else ""
        thread = f',"thread_id":"{call.thread_id}"' if call.thread_id else ""
        shop = f',"shop":"{call.shop}"' if call.shop else ""
        self._lines.append(
            f'{{"timestamp":"{self._now()}","level":"info","service":"{self._log.service}",'
            f'"event":"request","request_id":"{call.request_id}","route":"{route}",'
            f'"status":{status},"seconds":{seconds:.6f}{outcome}{thread}{shop}}}\n'
        )
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= _MANY_LINES:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self._log.write_lines("".join(self._lines))
            self._lines.clear()

    def _now(self) -> str:
        """As `stamp` writes it; the second is formatted once."""
        now = self._clock.now()
        second = int(now)
        if self._second[0] != second:
            self._second = (second, stamp(second)[:-4])
        return f"{self._second[1]}{int((now - second) * 1000):03d}Z"
