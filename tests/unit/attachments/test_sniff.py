"""What the bytes are decides, and only one thing at once is taken."""

from __future__ import annotations

import pytest

from services.attachments.sniff import HEAD_BYTES, TAIL_BYTES, agrees, is_two_things, type_of
from tests.pictures import KINDS, encoded, with_places
from tests.unit.attachments.refused import Upload, corpus

CORPUS = list(corpus())


def _taken(upload: Upload) -> bool:
    name, declared, body = upload
    kind = type_of(body[:HEAD_BYTES])
    if kind is None or not agrees(kind, name, declared):
        return False
    return not is_two_things(body[:HEAD_BYTES], body[-TAIL_BYTES:], kind)


def test_the_corpus_is_large_and_nothing_in_it_is_taken() -> None:
    taken = [(name, declared) for name, declared, body in CORPUS if _taken((name, declared, body))]

    assert len(CORPUS) >= 150
    assert taken == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_phones_send_is_taken(kind: str) -> None:
    extension = {"image/jpeg": "JPG", "image/heic": "HEIC"}.get(kind, kind[6:])
    for declared in (kind, "", "application/octet-stream", f"{kind}; charset=binary"):
        assert _taken((f"IMG_0042.{extension}", declared, with_places(kind)))
        assert _taken(("blob", declared, encoded(kind)))


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("a.jpeg", "image/jpg", "image/jpeg"),
        ("a.heif", "image/heif", "image/heic"),
        ("a.jfif", "image/pjpeg", "image/jpeg"),
    ],
)
def test_other_names_for_the_same_type_agree(name: str, declared: str, kind: str) -> None:
    assert _taken((name, declared, encoded(kind)))


def test_a_pdf_is_taken() -> None:
    assert _taken(("quote.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF"))
