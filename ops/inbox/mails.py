"""The outbox folder as a list of mails, read with the standard library's parser."""

from __future__ import annotations

import email
import email.policy
import re
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import msgspec

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}\.eml", re.ASCII)
_CID: Final = re.compile(r"""(?<=["'(])cid:([^"')]+)""")
_PHOTOS: Final = re.compile(r"^Photos: (\d+)\r?$", re.MULTILINE)
NEWEST: Final = 200


class Listed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of the list."""

    name: str
    subject: str
    sender: str
    recipient: str
    at: float
    thread: str
    attempt: str
    alert: bool
    photos: int
    size_bytes: int


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    cid: str
    name: str
    content_type: str
    size_bytes: int
    inline: bool


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    listed: Listed
    headers: tuple[tuple[str, str], ...]
    text: str
    has_html: bool
    parts: tuple[Part, ...]


class Outbox:
    """Mails never change once they are in the folder, so what was listed once stays listed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[str, Listed] = {}

    def newest(self) -> list[Listed]:
        """Newest first. May run in several threads at once: each makes a list of its own."""
        known, found = self._listed, dict[str, Listed]()
        for path in self._folder.glob("*.eml"):
            with suppress(FileNotFoundError):  # removed in between
                found[path.name] = known.get(path.name) or _listed(path.name, path)
        self._listed = found
        return sorted(found.values(), key=lambda mail: -mail.at)[:NEWEST]

    def read(self, name: str) -> Mail | None:
        message = self._message(name)
        if message is None:
            return None
        text = message.get_body(("plain",))
        return Mail(
            listed=_listed(name, self._folder / name),
            headers=tuple((key, str(value)) for key, value in message.items()),
            text=str(text.get_content()) if text else "",
            has_html=message.get_body(("html",)) is not None,
            parts=tuple(_part(part) for part in _attached(message)),
        )

    def html(self, name: str) -> str | None:
        """With each `cid:` pointing at this inbox: a browser shows what a mail client would."""
        message = self._message(name)
        body = message.get_body(("html",)) if message else None
        if body is None:
            return None
        return _CID.sub(lambda m: f"/part?name={name}&amp;cid={m[1]}", str(body.get_content()))

    def part(self, name: str, cid: str) -> tuple[str, bytes] | None:
        message = self._message(name)
        for part in _attached(message) if message else []:
            if cid in {_cid(part), part.get_filename()}:
                return part.get_content_type(), part.get_payload(decode=True) or b""  # type: ignore[return-value]
        return None

    def source(self, name: str) -> bytes | None:
        path = self._folder / name
        return path.read_bytes() if _NAME.fullmatch(name) and path.is_file() else None

    def _message(self, name: str) -> EmailMessage | None:
        source = self.source(name)
        return _parsed(source) if source is not None else None


def _parsed(source: bytes) -> EmailMessage:
    return email.message_from_bytes(source, policy=email.policy.default)


def _listed(name: str, path: Path) -> Listed:
    source = path.read_bytes()
    message = _parsed(source)
    subject = str(message.get("Subject", ""))
    return Listed(
        name=name,
        subject=subject,
        sender=str(message.get("From", "")),
        recipient=str(message.get("To", "")),
        at=path.stat().st_mtime,
        thread=str(message.get("X-Handoff-Thread", "")),
        attempt=str(message.get("X-Handoff-Attempt", "")),
        alert=subject.startswith("[handoff alert]"),
        photos=_photos(message),
        size_bytes=len(source),
    )


def _photos(message: EmailMessage) -> int:
    """As the mail itself counts them: some pictures of it show many in small, some none."""
    text = message.get_body(("plain",))
    said = _PHOTOS.search(str(text.get_content())) if text else None
    return int(said[1]) if said else 0


def _attached(message: EmailMessage) -> list[EmailMessage]:
    """Every leaf that is neither of the two bodies."""
    bodies = {id(message.get_body(("plain",))), id(message.get_body(("html",)))}
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return [part for part in leaves if id(part) not in bodies and isinstance(part, EmailMessage)]


def _part(part: EmailMessage) -> Part:
    payload = part.get_payload(decode=True)
    return Part(
        cid=_cid(part),
        name=part.get_filename() or _cid(part) or "part",
        content_type=part.get_content_type(),
        size_bytes=len(payload) if isinstance(payload, bytes) else 0,
        inline=part.get_content_disposition() != "attachment",
    )


def _cid(part: EmailMessage) -> str:
    return str(part.get("Content-ID", "")).strip("<> ")
