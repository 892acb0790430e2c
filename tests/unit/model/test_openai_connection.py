from __future__ import annotations

import pytest

from libs.model.openai_connection import asked_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("99999", 600), ("", None), ("0", None), ("-1", None),
     ("nan", None), ("inf", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_waits_as_long_as_openai_says_within_reason(header: str, seconds: float | None) -> None:
    assert asked_wait(header) == seconds
