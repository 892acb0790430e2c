"""One JSON object per line: constant text, values from an allow-list, secrets redacted.

    log = Log("lead")
    log.info("lead_decided", thread_id=..., request_id=..., reason=..., seconds=...)

Never a transcript, an address, a phone or a URL with a query: a field that is not in `FIELDS` is
refused by its name, so nobody logs a customer by accident.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

import msgspec

from libs.runtime.clock import Clock, SystemClock

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

FIELDS: Final = frozenset(
    {
        "request_id", "thread_id", "shop", "visitor", "stream", "entry_id", "message", "attempt",
        "outcome", "reason", "seconds", "status", "code", "route", "method", "endpoint", "limit",
        "retry_after", "exception_type", "where", "part", "transport", "message_id", "kind",
        "count", "bytes", "pages", "model", "shutdown_date", "version", "path", "port", "address",
        "state", "event_type", "attachment_id", "mime_type", "due_in_seconds", "mode", "detail",
        "cause", "name", "redis", "records", "blobs", "mail", "pid", "commit",
    }
)  # fmt: skip
"""What a line may carry beside its text. `detail` is our own sentence, never theirs."""

_IDS: Final = frozenset(
    {"request_id", "thread_id", "entry_id", "message_id", "attachment_id", "shutdown_date"}
)
"""Checked where they come in, and made of digits often enough to look like a phone."""

_SECRET_KEY = re.compile(
    r"token|secret|password|api_?key|authorization|cookie|credential|signature|private",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"sk-[A-Za-z0-9_-]{8,}|ek_[A-Za-z0-9_-]{8,}|AKIA[A-Z0-9]{12,}|Bearer\s+\S+|eyJ[\w-]{10,}\.\S+"
    r"|-----BEGIN[^-]*-----|domain_pk_\S+",
)
_QUERY = re.compile(r"(https?://[^\s?#]+)[?#]\S+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_PHONE = re.compile(r"(?<![\w.:-])\+?\(?\d[\d ().-]{8,16}\d(?![\w:-])")


class Log:
    """The log of one service. Cheap when the level drops the line."""

    def __init__(
        self, service: str, *, level: str = "info", out: TextIO | None = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.service = service
        self._floor = LEVELS[level]
        self._out = out
        self._clock = clock or SystemClock()

    def info(self, event: str, **fields: object) -> None:
        if self._floor <= LEVELS["info"]:
            self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        if self._floor <= LEVELS["warning"]:
            self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    @property
    def chatty(self) -> bool:
        """Whether `info` lines are written: the hot path asks before it gathers values."""
        return self._floor <= LEVELS["info"]

    def write_lines(self, text: str) -> None:
        """Finished lines, from one who gathers many and knows each value in them (web requests)."""
        (self._out or sys.stderr).write(text)

    def _write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        line: dict[str, object] = {
            "timestamp": stamp(self._clock.now()),
            "level": level,
            "service": self.service,
            "event": event,
        }
        for name, value in fields.items():
            if value is not None and value != "":
                line[name] = redact(value, name) if name in FIELDS else "[NOT LOGGED]"
        (self._out or sys.stderr).write(msgspec.json.encode(line).decode() + "\n")


def redact(value: object, name: str = "") -> object:
    """The value without secrets, addresses and phones, however deep they sit."""
    if _SECRET_KEY.search(name):
        return "[REDACTED]"
    if isinstance(value, str):
        return _SECRET_VALUE.sub("[REDACTED]", value) if name in _IDS else _redact_text(value)
    if isinstance(value, Mapping):
        return {str(key): redact(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner) for inner in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return _redact_text(str(value))


def _redact_text(text: str) -> str:
    text = _SECRET_VALUE.sub("[REDACTED]", text)
    text = _QUERY.sub(r"\1", text)
    text = _EMAIL.sub("[EMAIL]", text)
    return _PHONE.sub("[PHONE]", text)


def stamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def place_of(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find it, and nothing of a customer's."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    return f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
