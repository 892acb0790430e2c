"""Who has a picture is not sent it again, and who has another is not sent a part of this one."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from services.attachments.ranges import Span, is_known, part_asked, span_of

ETAG = '"a-1"'


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (ETAG, True),
        (f"W/{ETAG}", True),
        (f'"b,2", W/"c", {ETAG}', True),
        (" * ", True),
        ("", False),
        ("a-1", False),
        ('"b"', False),
        ('"*"', False),
        (f'"x{ETAG}', False),
    ],
)
def test_one_of_those_it_has_is_this(header: str, known: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_known(header, ETAG) is known


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ({}, "bytes=2-5"),
        ({"If-Range": ETAG}, "bytes=2-5"),
        ({"If-Range": '"stale"'}, ""),
        ({"If-Range": f"W/{ETAG}"}, ""),
        ({"If-Range": "Mon, 30 Nov 2026 08:00:00 GMT"}, ""),
    ],
)
def test_a_part_is_of_the_picture_it_was_begun_of(condition: dict[str, str], part: str) -> None:
    assert part_asked(CIMultiDict({"Range": "bytes=2-5", **condition}), ETAG) == part


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", Span(0, 9, partial=False)),
        ("bytes=0-1,3-4", Span(0, 9, partial=False)),
        ("bytes=2-", Span(2, 9, partial=True)),
        ("bytes=2-99", Span(2, 9, partial=True)),
        ("bytes=-99", Span(0, 9, partial=True)),
        ("bytes=-0", None),
        ("bytes=9-", None),
        ("bytes=5-4", None),
    ],
)
def test_a_part_lies_within_the_whole(header: str, span: Span | None) -> None:
    assert span_of(header, 9) == span
