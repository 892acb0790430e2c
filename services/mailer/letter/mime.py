"""The bytes of a mail, always the same for the same arguments.

The standard library writes the headers. The bodies are written here, because `EmailMessage` takes
ten times as long over photos and draws its boundaries from a random number.
"""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Final

import msgspec

from libs.errors import Rejected
from services.mailer.letter.photos import MailFile, MailPhoto, cid
from services.mailer.letter.shape import PhotoPlan
from services.mailer.letter.wording import one_line

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?=.{{1,64}}@.{{3,250}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+"
)
"""RFC 5321, the dot-string: no dot at an end of the name, nor two of them together."""
_LINE: Final = 76
_POLICY: Final = policy.SMTP.clone(max_line_length=_LINE)
_IDS: Final = policy.SMTP.clone(max_line_length=900)
_ID_HEADERS: Final = frozenset({"Message-ID", "X-Request-ID", "X-Handoff-Thread"})
_OF_THE_SHOP: Final = frozenset({"From", "To", "Auto-Submitted", "MIME-Version"})
_LONGEST_LINE: Final = 998
"""RFC 5322; what is longer a server may break, or refuse."""
_ROW: Final = 76
_ROW_BYTES: Final = 57
_AT_ONCE: Final = _ROW_BYTES * 1500
"""Encoded between two breaths of the event loop: under a millisecond."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers say."""

    subject: str
    sender: str
    recipients: tuple[str, ...]
    reply_to: str
    """Empty: nobody but the shop to answer to."""
    date: float
    message_id: str
    thread_id: str
    attempt: int
    request_id: str
    seed: str
    """What the boundaries derive from: differs wherever the content does."""


def mime_pieces(
    envelope: Envelope, text: str, html: str, plan: PhotoPlan, transcript: str
) -> Iterator[bytes]:
    """`mixed(related(alternative(text, html), inline images), files)`, each piece made quickly."""
    mixed, related, alternative = (f"=_{envelope.seed}.{level}" for level in range(3))
    yield (
        headers(envelope)
        + _multipart("mixed", mixed)
        + _open(mixed)
        + _multipart("related", related, 'type="multipart/alternative"')
        + _open(related)
        + _multipart("alternative", alternative)
    )
    yield _open(alternative) + _words("plain", text)
    yield _open(alternative) + _words("html", html) + _close(alternative)
    for number, photo in enumerate((*plan.shown, *((plan.sheet,) if plan.sheet else ())), 1):
        yield _open(related) + _photo_headers(photo, number)
        yield from _base64(photo.jpeg)
    yield _close(related)
    for file in plan.files:
        yield _open(mixed) + _file_headers(file)
        yield from _base64(file.body)
    if transcript:
        yield _open(mixed) + _words("plain", transcript, attached="transcript.txt")
    yield _close(mixed)


def plain_mime(envelope: Envelope, text: str) -> bytes:
    return headers(envelope) + _words("plain", text)


def encoded_size(body: bytes) -> int:
    """About what a body takes in the mail."""
    return -(-len(body) // _ROW_BYTES) * (_ROW + 2) + 400


def headers(envelope: Envelope) -> bytes:
    """Raises Rejected when a value could begin a line of its own."""
    fields = {
        "From": envelope.sender,
        "To": ", ".join(envelope.recipients),
        "Reply-To": envelope.reply_to,
        "Subject": envelope.subject,
        "Date": format_datetime(datetime.fromtimestamp(int(envelope.date), UTC)),
        "Message-ID": envelope.message_id,
        "X-Request-ID": envelope.request_id,
        "X-Handoff-Thread": envelope.thread_id,
        "X-Handoff-Attempt": str(envelope.attempt),
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }
    for name, value in fields.items():
        if any(mark in value for mark in "\r\n\0"):
            raise Rejected(f"the header {name} holds a line break or NUL")
    return b"".join(
        _shop_header(name, value) if name in _OF_THE_SHOP else _header(name, value)
        for name, value in fields.items()
        if value
    )


def reply_address(address: str) -> str:
    """As every mail server takes it; empty where some would not."""
    local, _, domain = address.rpartition("@")
    try:
        whole = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return ""
    return whole if _ADDRESS.fullmatch(whole) else ""


@lru_cache(maxsize=256)
def sender_domain(sender: str) -> str:
    return parseaddr(sender)[1].partition("@")[2] or "localhost"


def _header(name: str, value: str) -> bytes:
    """As it is where it needs no encoding, else folded and encoded by the standard library, but for
    four of its habits.

    It decodes encoded words that a customer typed, breaks the line right after the name, which
    readers show as a space, encodes ids only because they are long, and where it folds between two
    encoded words it may lose the space, which its older encoder does not.
    """
    if name == "Subject" and not value.isascii():
        words = Header(value, "utf-8", maxlinelen=_LINE, header_name=name)
        return f"{name}: {words.encode(linesep=_POLICY.linesep)}{_POLICY.linesep}".encode()
    value = value.replace("=?", "= ?")
    if value.isascii() and value.isprintable() and (plain := _folded(name, value)):
        return f"{plain}\r\n".encode()
    message = EmailMessage(policy=_IDS if name in _ID_HEADERS else _POLICY)
    message[name] = value
    folded = b"".join(message.policy.fold_binary(*item) for item in message.raw_items())
    early_break = f"{name}:\r\n ".encode()
    return folded.replace(early_break, f"{name}: ".encode(), 1)


def _folded(name: str, value: str) -> str:
    """Broken between words; empty where a word is too long for that, or a line would hold none."""
    words, room = value.split(" "), _LINE - len(f"{name}: ")
    if not all(words) or max(map(len, words)) > room:
        return ""
    lines = [f"{name}: {words[0]}"]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines)


_shop_header = lru_cache(maxsize=256)(_header)
"""The library takes long over addresses, and a shop's are the same in every mail."""


def _multipart(subtype: str, boundary: str, extra: str = "") -> bytes:
    parameters = f' boundary="{boundary}"' + (f"; {extra}" if extra else "")
    return f"Content-Type: multipart/{subtype};\r\n{parameters}\r\n\r\n".encode()


def _open(boundary: str) -> bytes:
    return f"\r\n--{boundary}\r\n".encode()


def _close(boundary: str) -> bytes:
    return f"\r\n--{boundary}--\r\n".encode()


def _words(subtype: str, text: str, *, attached: str = "") -> bytes:
    """As they are where any server takes them so, else quoted-printable or, where shorter (Chinese,
    Arabic, ...), base64.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    encoding, body = _encoded("\r\n".join(lines).encode(), plain=_are_plain(lines))
    placed = f'Content-Disposition: attachment; filename="{attached}"\r\n' if attached else ""
    head = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n{placed}'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode() + body


def _are_plain(lines: Sequence[str]) -> bool:
    whole = "".join(lines)
    return whole.isascii() and whole.isprintable() and max(map(len, lines)) <= _LONGEST_LINE


def _encoded(raw: bytes, *, plain: bool) -> tuple[str, bytes]:
    if plain:
        return "7bit", raw
    quoted = binascii.b2a_qp(raw, istext=True)
    if len(quoted) > encoded_size(raw):
        return "base64", b"".join(_base64(raw))
    return "quoted-printable", quoted


def _photo_headers(photo: MailPhoto, number: int) -> bytes:
    """The customer's name for it stands in the alt text; a file name of ours needs no encoding."""
    return (
        "Content-Type: image/jpeg\r\n"
        f'Content-Disposition: inline; filename="photo-{number}.jpg"\r\n'
        f"Content-ID: <{cid(photo.id)}>\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode()


def _file_headers(file: MailFile) -> bytes:
    kind = file.mime_type if file.mime_type == "application/pdf" else "application/octet-stream"
    message = EmailMessage(policy=_POLICY)
    message.add_header("Content-Disposition", "attachment", filename=one_line(file.name, 120))
    placed = b"".join(_POLICY.fold_binary(*item) for item in message.raw_items())
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return placed + head.encode()


def _base64(body: bytes) -> Iterator[bytes]:
    """Lines of 76 characters, as many at a time as take well under a millisecond."""
    for start in range(0, len(body), _AT_ONCE):
        line = binascii.b2a_base64(body[start : start + _AT_ONCE], newline=False)
        rows, rest = divmod(len(line), _ROW)
        cut = struct.unpack_from(f"{_ROW}s" * rows, line)
        yield b"\r\n".join((*cut, line[-rest:]) if rest else cut) + b"\r\n"
