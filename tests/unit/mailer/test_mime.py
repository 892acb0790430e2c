"""The bytes: headers nobody can inject into, bodies that come out as they went in."""

from __future__ import annotations

import base64
import random
from email.message import EmailMessage

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.errors import Rejected
from services.mailer.letter.mime import (
    Envelope,
    encoded_size,
    headers,
    mime_pieces,
    plain_mime,
    reply_address,
    sender_domain,
)
from services.mailer.letter.photos import MailFile, MailPhoto
from services.mailer.letter.shape import PhotoPlan
from tests.golden.reading import read, text_of

ENVELOPE = Envelope(
    subject="New chat lead: 2015 Ford F-150 - Driver seat torn (cthr_one)",
    sender="Craig's Auto Upholstery <chat@craigs.autos>",
    recipients=("leads@craigs.autos", "Owner <owner@craigs.autos>"),
    reply_to="dan@example.com",
    date=1_794_942_300.7,
    message_id="<lead.0123@craigs.autos>",
    thread_id="cthr_one",
    attempt=3,
    request_id="req-1",
    seed="0123456789abcdef",
)
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=200)


def _with(**changes: object) -> Envelope:
    return msgspec.structs.replace(ENVELOPE, **changes)


def _whole(envelope: Envelope, plan: PhotoPlan, transcript: str = "") -> EmailMessage:
    return read(b"".join(mime_pieces(envelope, "text", "<p>html</p>", plan, transcript)))


def _headers(envelope: Envelope) -> EmailMessage:
    return read(headers(envelope) + b"\r\n")


def test_the_headers_say_who_what_and_which_attempt() -> None:
    mail = _headers(ENVELOPE)

    assert {name: str(value) for name, value in mail.items()} == {
        "From": "Craig's Auto Upholstery <chat@craigs.autos>",
        "To": "leads@craigs.autos, Owner <owner@craigs.autos>",
        "Reply-To": "dan@example.com",
        "Subject": ENVELOPE.subject,
        "Date": "Tue, 17 Nov 2026 19:05:00 +0000",
        "Message-ID": "<lead.0123@craigs.autos>",
        "X-Request-ID": "req-1",
        "X-Handoff-Thread": "cthr_one",
        "X-Handoff-Attempt": "3",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }


@pytest.mark.parametrize("mark", ["\r", "\n", "\r\n", "\0", "\r\n\r\n"])
@pytest.mark.parametrize("field", ["subject", "reply_to", "thread_id", "request_id", "sender"])
def test_a_line_break_in_a_header_is_refused(field: str, mark: str) -> None:
    envelope = _with(**{field: f"a{mark}Bcc: everyone@example.com"})

    with pytest.raises(Rejected, match="line break or NUL"):
        headers(envelope)


@settings(max_examples=150, deadline=None)
@example("=?¡")
@example("=?utf-8?q?Bcc?= ¡")
@example("000000¡¡¡¡¡𐀀𐀀𐀀 ¡")
@example("Bọc lại ghế sofa bị rách, bộ ba chỗ màu nâu đậm ở phòng khách nhà tôi")
@given(WORDS)
def test_any_subject_is_one_header_that_reads_back(said: str) -> None:
    subject = " ".join(f"New chat lead: {said} (cthr_one)".split())
    raw = headers(_with(subject=subject))
    mail = read(raw + b"\r\n")

    assert len(mail.items()) == 11
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    safe = subject.replace("=?", "= ?") if subject.isascii() else subject
    assert str(mail["Subject"]) == safe


@pytest.mark.parametrize("length", range(40, 140))
def test_no_header_begins_with_an_empty_line(length: int) -> None:
    raw = headers(_with(subject="word " * (length // 5) + "x" * (length % 5) + "y"))

    assert b"Subject: word" in raw
    assert b":\r\n" not in raw


@pytest.mark.parametrize(
    "words", ["torn seat of a 2016 Honda Civic " * 6, "a " * 90, "x" * 67 + " y"]
)
def test_a_long_plain_subject_is_broken_between_words(words: str) -> None:
    raw = headers(_with(subject=words.strip()))

    assert _headers(_with(subject=words.strip()))["Subject"] == words.strip()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 76


def test_an_encoded_word_that_a_customer_typed_stays_text() -> None:
    mail = _headers(_with(subject="=?utf-8?q?=0D=0ABcc:_all@example.com?= (cthr_one)"))

    assert mail["Bcc"] is None
    assert str(mail["Subject"]) == "= ?utf-8?q?=0D=0ABcc:_all@example.com?= (cthr_one)"


def test_the_longest_thread_id_stays_readable_in_its_header() -> None:
    thread = "cthr_" + "a" * 128

    assert f"X-Handoff-Thread: {thread}\r\n".encode() in headers(_with(thread_id=thread))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("dan@example.com", "dan@example.com"),
        ("dan+x@bücher.example", "dan+x@xn--bcher-kva.example"),
        ("josé@example.com", ""),
        ("bob.@example.com", ""),
        (".bob@example.com", ""),
        ("j..doe@example.com", ""),
        ("j.doe@example.com", "j.doe@example.com"),
        ("bob@example..com", ""),
        ("bob@-x.com", ""),
        ("bob@x-.com", ""),
        ("bob@localhost", ""),
        ("no-at-sign", ""),
        ("a b@example.com", ""),
        ("x@" + "a" * 70 + ".com", ""),
        ("<x@example.com>, y", ""),
    ],
)
def test_reply_to_is_an_address_or_nothing(address: str, shown: str) -> None:
    assert reply_address(address) == shown


def test_the_message_id_lives_in_the_senders_domain() -> None:
    assert sender_domain("Craig's <chat@craigs.autos>") == "craigs.autos"
    assert sender_domain("nonsense") == "localhost"


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=2000))
def test_any_text_comes_out_as_it_went_in(said: str) -> None:
    lines = "\n".join(said.splitlines())

    assert text_of(read(plain_mime(ENVELOPE, lines))) == lines.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("line", "encoding"),
    [
        ("Torn seat = 2016 Honda Civic. ", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("a\tb", "quoted-printable"),
        ("a\rb", "quoted-printable"),
        ("José", "quoted-printable"),
        ("汽车座椅" * 200, "base64"),
    ],
)
def test_only_lines_that_any_server_takes_stand_as_they_are(line: str, encoding: str) -> None:
    raw = plain_mime(ENVELOPE, f"{line}\n.\nFrom here\n")

    assert text_of(read(raw)) == f"{line}\n.\nFrom here\n"
    assert read(raw)["Content-Transfer-Encoding"] == encoding
    assert (f"\r\n\r\n{line}\r\n.\r\n".encode() in raw) == (encoding == "7bit")


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 57 * 1500, 57 * 1500 + 1, 300_000])
def test_photos_and_files_of_any_size_come_out_as_they_went_in(size: int) -> None:
    body = random.Random(size).randbytes(size)
    photo = MailPhoto(id="att_1", name="a.jpg", jpeg=body, width=1, height=1)
    file = MailFile(id="att_2", name="Angebot für José.pdf", mime_type="application/pdf", body=body)
    plan = PhotoPlan(shown=(photo,), files=(file,), pictures=1)
    mail = _whole(ENVELOPE, plan, "transcript")
    leaves = [part for part in mail.walk() if not part.is_multipart()]

    assert [part.get_content_type() for part in leaves] == [
        "text/plain", "text/html", "image/jpeg", "application/pdf", "text/plain",
    ]  # fmt: skip
    assert leaves[2].get_payload(decode=True) == body
    assert leaves[3].get_payload(decode=True) == body
    assert leaves[3].get_filename() == "Angebot für José.pdf"
    assert leaves[4].get_filename() == "transcript.txt"
    assert len(base64.encodebytes(body)) <= encoded_size(body)


def test_a_file_name_cannot_leave_its_header() -> None:
    file = MailFile(id="a", name='x"\r\nBcc: y@example.com\r\n\r\n.pdf', mime_type="a/b", body=b"")
    mail = _whole(ENVELOPE, PhotoPlan(files=(file,)))
    (part,) = list(mail.iter_attachments())

    assert mail["Bcc"] is None
    assert part["Bcc"] is None
    assert part.get_content_type() == "application/octet-stream"


def test_boundaries_differ_where_the_content_does() -> None:
    one, other = (_whole(_with(seed=seed), PhotoPlan()) for seed in ("a", "b"))

    assert one.get_boundary() != other.get_boundary()
