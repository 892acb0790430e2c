"""Signatures and session tokens: what counts, what does not, and what a rotated key still opens."""

from __future__ import annotations

import base64
import random
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.identity.sessions import Session, mint_session_token, read_session_token
from libs.identity.signatures import Problem, base64url, derive, mac, sign, verify
from libs.identity.visitors import visitor_id, visitor_ids

NEW, OLD, GONE = "n" * 40, "o" * 40, "g" * 40
KEYS = (NEW, OLD)
NOW = 1_790_000_000.0
LATER = int(NOW) + 600
SESSION = Session(shop="craigs", visitors=("v_new", "v_old"), expires=LATER)


def test_what_we_signed_counts_until_its_end() -> None:
    signature = sign(KEYS, "link", "att_1", LATER)

    assert verify(KEYS, "link", "att_1", signature, NOW) is None
    assert verify(KEYS, "link", "att_1", signature, LATER - 0.001) is None
    assert verify(KEYS, "link", "att_1", signature, LATER) is Problem.EXPIRED


@pytest.mark.parametrize(
    ("purpose", "payload"), [("session", "att_1"), ("link", "att_2"), ("link", ""), ("", "att_1")]
)
def test_for_another_purpose_or_payload_it_is_worth_nothing(purpose: str, payload: str) -> None:
    signature = sign(KEYS, "link", "att_1", LATER)

    assert verify(KEYS, purpose, payload, signature, NOW) is Problem.INVALID


def test_an_older_key_still_verifies_and_a_removed_one_does_not() -> None:
    old, gone = sign((OLD,), "link", "x", LATER), sign((GONE,), "link", "x", LATER)

    assert verify(KEYS, "link", "x", old, NOW) is None
    assert verify(KEYS, "link", "x", gone, NOW) is Problem.INVALID
    assert verify((), "link", "x", old, NOW) is Problem.INVALID


def test_signs_with_the_newest_key() -> None:
    assert sign(KEYS, "link", "x", LATER) == sign((NEW,), "link", "x", LATER)


def test_a_longer_life_cannot_be_written_in() -> None:
    key_id, expires, digest = sign(KEYS, "link", "x", LATER).split(".")

    assert verify(KEYS, "link", "x", f"{key_id}.{int(expires) + 1}.{digest}", NOW) is (
        Problem.INVALID
    )


@pytest.mark.parametrize(
    "spell",
    [
        lambda s: s + "=",
        lambda s: s + "\n",
        lambda s: " " + s,
        lambda s: s.replace(".", ".0", 1),
        lambda s: s.replace(".", ".+", 1),
        lambda s: s.upper(),
        lambda s: s[:-1],
        lambda s: s + "A",
        lambda s: s.replace(".", "\uff0e"),
        lambda s: s.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        lambda s: s[:0],
        lambda s: ".." + s,
    ],
)
def test_there_is_one_spelling(spell: object) -> None:
    signature = sign(KEYS, "link", "x", LATER)

    assert verify(KEYS, "link", "x", spell(signature), NOW) is Problem.INVALID  # type: ignore[operator]


def test_of_fifty_thousand_flipped_bits_none_is_accepted() -> None:
    rng = random.Random(20261120)
    signature = sign(KEYS, "link", "att_1", LATER).encode()
    flipped = 0
    for _ in range(50_000):
        broken = bytearray(signature)
        for _ in range(rng.randint(1, 3)):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        if broken != signature:
            flipped += 1
            text = broken.decode("latin-1")
            assert verify(KEYS, "link", "att_1", text, NOW) is not None

    assert flipped > 49_000


def test_the_last_character_has_no_spare_bits_to_play_with() -> None:
    signature = sign(KEYS, "link", "att_1", LATER)
    others = set(string.ascii_letters + string.digits + "-_") - {signature[-1]}

    assert all(
        verify(KEYS, "link", "att_1", signature[:-1] + char, NOW) is Problem.INVALID
        for char in others
    )


def test_payload_and_end_cannot_be_shifted_into_each_other() -> None:
    assert mac(NEW, "link", f"{LATER}.1.x".encode()) != mac(NEW, "link", f"{LATER}1..x".encode())
    assert (
        sign(KEYS, "link", "1.x", LATER).split(".")[2]
        != sign(KEYS, "link", "x", int(f"{LATER}1")).split(".")[2]
    )


def test_every_purpose_has_a_key_of_its_own() -> None:
    derived = {derive(NEW, purpose) for purpose in ("session", "link", "visitor", "key-id", "")}

    assert len(derived) == 5
    assert NEW.encode() not in derived


def test_a_session_says_who_and_where_and_until_when() -> None:
    token = mint_session_token(KEYS, SESSION)

    assert read_session_token(KEYS, token, NOW) == SESSION
    assert SESSION.visitor == "v_new"
    assert read_session_token(KEYS, token, LATER) is Problem.EXPIRED


def test_a_removed_key_ends_its_sessions() -> None:
    token = mint_session_token((OLD,), SESSION)

    assert isinstance(read_session_token(KEYS, token, NOW), Session)
    assert read_session_token((NEW,), token, NOW) is Problem.INVALID


def test_a_link_is_no_session() -> None:
    payload = mint_session_token(KEYS, SESSION).partition(".")[0]

    forged = f"{payload}.{sign(KEYS, 'link', payload, LATER)}"

    assert read_session_token(KEYS, forged, NOW) is Problem.INVALID


@pytest.mark.parametrize("written", [[], {}, ["craigs"], ["craigs", []], ["craigs", ["v"], 1], "x"])
def test_a_payload_we_no_longer_write_is_refused(written: object) -> None:
    payload = base64url(msgspec.json.encode(written))
    token = f"{payload}.{sign(KEYS, 'session', payload, LATER)}"

    assert read_session_token(KEYS, token, NOW) is Problem.INVALID


@pytest.mark.parametrize("more", [["es"], ["es", "https://x.test/"], ["es", "", "new", {"n": 1}]])
def test_a_payload_of_an_older_or_newer_release_is_read(more: list[object]) -> None:
    """During a rolling update both are there."""
    payload = base64url(msgspec.json.encode(["craigs", ["v_1"], *more]))

    session = read_session_token(KEYS, f"{payload}.{sign(KEYS, 'session', payload, LATER)}", NOW)

    assert isinstance(session, Session)
    assert (session.shop, session.visitors, session.locale) == ("craigs", ("v_1",), "es")


@pytest.mark.parametrize("token", ["", ".", "a.b.c.d", "x" * 5000, "é.b.1.c", "\x00"])
def test_nonsense_is_no_session(token: str) -> None:
    assert read_session_token(KEYS, token, NOW) is Problem.INVALID


@given(st.text(max_size=200))
def test_no_text_is_a_session_by_accident(text: str) -> None:
    assert read_session_token(KEYS, text, NOW) is Problem.INVALID


def test_of_many_changed_tokens_none_is_accepted() -> None:
    rng = random.Random(7)
    token = mint_session_token(KEYS, SESSION)
    for _ in range(20_000):
        place, char = rng.randrange(len(token)), rng.choice(string.printable)
        if token[place] != char:
            changed = token[:place] + char + token[place + 1 :]
            assert read_session_token(KEYS, changed, NOW) is Problem.INVALID


def test_a_visitor_is_stable_short_and_says_nothing_of_their_secret() -> None:
    visitor = visitor_id(NEW, "secret-of-the-browser")

    assert visitor == visitor_id(NEW, "secret-of-the-browser")
    assert visitor.startswith("v_")
    assert len(visitor) == 26
    assert set(visitor) <= set(string.ascii_letters + string.digits + "-_")
    assert visitor != visitor_id(NEW, "secret-of-the-browsers")
    assert visitor != visitor_id(OLD, "secret-of-the-browser")


def test_a_rotated_key_still_finds_the_visitor_of_before() -> None:
    before = visitor_id(OLD, "u")

    assert visitor_ids(KEYS, "u") == (visitor_id(NEW, "u"), before)


def test_any_user_text_has_a_visitor() -> None:
    assert visitor_id(NEW, "\ud800").startswith("v_")
    assert visitor_id(NEW, "").startswith("v_")


def test_base64url_has_no_padding() -> None:
    assert base64url(b"\xff\xfe") == base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("=")
