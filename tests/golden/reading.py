"""Reads a mail the way its receiver does: what can be seen, what can be tapped."""

from __future__ import annotations

import base64
import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

_BLOCKS = frozenset(["p", "div", "br", "td", "tr", "table", "h1", "h2", "li", "body", "title", "a"])
_UNSEEN = frozenset({"style", "title", "head"})


def read(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", BytesParser(policy=policy.default).parsebytes(raw))


def golden(path: Path) -> EmailMessage:
    return read(path.read_bytes())


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    return "" if part is None else str(part.get_content())


def relinked(text: str) -> str:
    """Links as they were before they were made unclickable."""
    return text.replace("[:]//", "://").replace("[.]", ".")


class Seen(HTMLParser):
    """`words`: all that can be read, alt texts included. `hrefs`: all that can be tapped."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.sources: list[str] = []
        self.headings: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._said: list[str] = []
        self._unseen: list[str] = []
        self._in_heading = False
        self.feed(html)
        self.close()

    @property
    def words(self) -> str:
        return "".join(self._said)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self._in_heading = tag == "h2"
        self.attributes |= given.keys()
        if tag in _BLOCKS:
            self._said.append("\n")
        if tag in _UNSEEN:
            self._unseen.append(tag)
        if "href" in given:
            self.hrefs.append(given["href"])
        if "src" in given:
            self.sources.append(given["src"])
            self._said.append(f"\n{given.get('alt', '')}\n")

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = False
        if tag in _BLOCKS:
            self._said.append("\n")
        if self._unseen and self._unseen[-1] == tag:
            self._unseen.pop()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._said.append(data)
        if self._in_heading:
            self.headings.append(data)


def with_pictures(mail: EmailMessage) -> str:
    """The HTML with its inline pictures in place, for a browser."""
    html = html_of(mail)
    for part in mail.walk():
        if part["Content-ID"]:
            name = str(part["Content-ID"]).strip("<>")
            encoded = base64.b64encode(cast("EmailMessage", part).get_content()).decode()
            html = html.replace(f"cid:{name}", f"data:image/jpeg;base64,{encoded}")
    return html


def headings_of(text: str) -> list[str]:
    """Of the text part: the lines above a rule of dashes."""
    return re.findall(r"^(.+)\n-+$", text, re.MULTILINE)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)
