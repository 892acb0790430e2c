"""What the bytes are decides, and only one thing at once is taken."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from services.attachments.sniff import is_two_things, kind_of
from tests.pictures import KINDS, encoded, with_places
from tests.unit.attachments.refused import ARCHIVES, Upload, corpus

CORPUS = list(corpus())
Taken = Callable[[Upload], bool]


@pytest.fixture
def taken(tmp_path: Path) -> Taken:
    def is_taken(upload: Upload) -> bool:
        name, declared, body = upload
        (tmp_path / "raw").write_bytes(body)
        return kind_of(tmp_path / "raw", name, declared) is not None

    return is_taken


def test_the_corpus_is_large_and_nothing_in_it_is_taken(taken: Taken) -> None:
    slipped = [(name, declared) for name, declared, body in CORPUS if taken((name, declared, body))]

    assert len(CORPUS) >= 150
    assert slipped == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_phones_send_is_taken(taken: Taken, kind: str) -> None:
    extension = {"image/jpeg": "JPG", "image/heic": "HEIC"}.get(kind, kind[6:])
    for declared in (kind, "", "application/octet-stream", f"{kind}; charset=binary"):
        assert taken((f"IMG_0042.{extension}", declared, with_places(kind)))
        assert taken(("blob", declared, encoded(kind)))


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("a.jpeg", "image/jpg", "image/jpeg"),
        ("a.heif", "image/heif", "image/heic"),
        ("a.jfif", "image/pjpeg", "image/jpeg"),
    ],
)
def test_other_names_for_the_same_type_agree(
    taken: Taken, name: str, declared: str, kind: str
) -> None:
    assert taken((name, declared, encoded(kind)))


def test_a_pdf_is_taken(taken: Taken) -> None:
    assert taken(("quote.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF"))


@pytest.mark.parametrize("archive", ["rar", "7z"])
def test_a_pdf_holds_no_archive_where_archivers_look_for_one(taken: Taken, archive: str) -> None:
    before = bytes(8 * 1024 * 1024 - 20)

    assert not taken(("a.pdf", "", b"%PDF-1.7\n" + before + ARCHIVES[archive]))
    assert taken(("a.pdf", "", b"%PDF-1.7\n" + before + bytes(50)))


def test_no_picture_is_refused_for_what_its_pixels_happen_to_spell() -> None:
    """Packed noise is the hardest: within 1,024 bytes of it stands nearly every pair of bytes."""
    rng = random.Random(2)
    quickly = {"image/png": {"compress_level": 1}, "image/webp": {"method": 0, "lossless": True}}
    pictures = [
        (kind, encoded(kind, Image.frombytes("RGB", (20, 20), rng.randbytes(1200)), **extra))
        for kind, extra in quickly.items()
        for _ in range(1_000)
    ]

    refused = [kind for kind, body in pictures if is_two_things(body, body, kind)]

    assert len(pictures) == 2_000
    assert refused == []


def test_no_long_picture_is_an_archive_for_what_its_end_happens_to_spell() -> None:
    tail = b"PK\x05\x06".join(random.Random(3).randbytes(6_000) for _ in range(10))

    assert not is_two_things(b"", tail, "image/jpeg")
