"""Logs: one JSON object a line, and nothing personal or secret in it."""

from __future__ import annotations

import io
import json

import pytest

from libs.runtime.log import Log, redact
from tests.clock import HandClock


def _line(level: str = "info", **fields: object) -> dict[str, object]:
    out = io.StringIO()
    Log("lead", level="debug", out=out, clock=HandClock(1763650000.1239)).__getattribute__(level)(
        "lead_decided", **fields
    )
    text = out.getvalue()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    line = json.loads(text)
    assert isinstance(line, dict)
    return line


def test_a_line_has_its_frame_and_allowed_fields() -> None:
    assert _line(thread_id="cthr_1", request_id="r1", seconds=0.5, attempt=None) == {
        "timestamp": "2025-11-20T14:46:40.123Z",
        "level": "info",
        "service": "lead",
        "event": "lead_decided",
        "thread_id": "cthr_1",
        "request_id": "r1",
        "seconds": 0.5,
    }


def test_a_field_outside_the_allow_list_keeps_only_its_name() -> None:
    assert _line(customer_phone="+1 408 555 0123")["customer_phone"] == "[NOT LOGGED]"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("call me at (408) 555-0123 now", "call me at [PHONE] now"),
        ("mail ana.p+x@example.com please", "mail [EMAIL] please"),
        ("GET https://x.test/a?token=abc&b=1 failed", "GET https://x.test/a failed"),
        ("Authorization: Bearer abc.def", "Authorization: [REDACTED]"),
        ("key sk-proj-1234567890abcdef", "key [REDACTED]"),
        ("AKIAABCDEFGHIJKLMNOP", "[REDACTED]"),
        ("line\nbreak", "line\nbreak"),
    ],
)
def test_text_loses_people_and_secrets(said: str, kept: str) -> None:
    assert redact(said) == kept


def test_secret_names_are_redacted_however_deep() -> None:
    nested = {"a": [{"Api_Key": "x", "ok": 1}], "COOKIE": "y", "clientSecretToken": {"z": 1}}

    assert redact(nested) == {
        "a": [{"Api_Key": "[REDACTED]", "ok": 1}],
        "COOKIE": "[REDACTED]",
        "clientSecretToken": "[REDACTED]",
    }


def test_ids_made_of_digits_stay_readable() -> None:
    assert _line(entry_id="1763660393123-0")["entry_id"] == "1763660393123-0"


def test_a_line_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    log = Log("lead", level="warning", out=out)

    log.info("quiet")

    assert out.getvalue() == ""
    assert not log.chatty
