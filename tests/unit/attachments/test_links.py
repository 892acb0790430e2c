"""The link to an attachment: of one view, until its end, and nothing that merely looks like it."""

from __future__ import annotations

import base64
import random
import string
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.attachments.records import (
    View,
    attachment_link,
    check_link,
    check_upload,
    upload_link,
)
from libs.identity.signatures import Problem

KEYS = ("n" * 40, "o" * 40)
NOW = 1_790_000_000.0
ID = "att_" + "a" * 22
BITS = 50_000


def _signature(link: str) -> str:
    query = parse_qs(urlsplit(link).query)
    return (query.get("signature") or query["upload"])[0]


@pytest.mark.parametrize("view", ["original", "1200", "320"])
def test_no_link_with_a_flipped_bit_is_accepted(view: View) -> None:
    signature = _signature(attachment_link(KEYS, "https://x.example", ID, view, int(NOW) + 600))
    rng = random.Random(4)

    assert check_link(KEYS, ID, view, signature, NOW) is None
    for _ in range(BITS):
        flipped = bytearray(signature.encode())
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        forged = flipped.decode("latin-1")
        assert check_link(KEYS, ID, view, forged, NOW) is Problem.INVALID, forged


def test_no_digest_with_a_flipped_bit_is_accepted() -> None:
    """Every forgery here is well formed: only the digest itself can tell."""
    signature = _signature(attachment_link(KEYS, "https://x.example", ID, "320", int(NOW) + 600))
    head, _, digest = signature.rpartition(".")
    raw = base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
    rng = random.Random(5)

    for _ in range(BITS):
        forged = bytearray(raw)
        for _ in range(rng.randint(1, 3)):
            forged[rng.randrange(len(forged))] ^= 1 << rng.randrange(8)
        if forged == raw:
            continue
        written = base64.urlsafe_b64encode(bytes(forged)).decode().rstrip("=")
        assert check_link(KEYS, ID, "320", f"{head}.{written}", NOW) is Problem.INVALID


def test_no_character_of_an_upload_link_can_be_another() -> None:
    signature = _signature(upload_link(KEYS, "https://x.example", ID, int(NOW) + 600))

    assert check_upload(KEYS, ID, signature, NOW) is None
    assert check_link(KEYS, ID, "original", signature, NOW) is Problem.INVALID
    for place, was in enumerate(signature):
        for other in set(string.ascii_letters + string.digits + "-_.") - {was}:
            forged = signature[:place] + other + signature[place + 1 :]
            assert check_upload(KEYS, ID, forged, NOW) is Problem.INVALID, forged
