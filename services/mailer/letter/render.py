"""Prints a view as text and as HTML; every fact comes from the view, every escape from Jinja."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from libs.leads.snapshot import LeadSnapshot
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import logs_link
from services.mailer.letter.language import direction, has_rtl, labels_for
from services.mailer.letter.links import link_pieces, may_link, unlinked
from services.mailer.letter.shape import MailView
from services.mailer.letter.view import shop_card
from services.mailer.letter.wording import isolated, number_pieces

if TYPE_CHECKING:
    from jinja2 import Environment

_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_HARDLY_LONGER: Final = 1.05
_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLE: Final = {
    "font": "font-family:-apple-system,BlinkMacSystemFont,&#39;Segoe UI&#39;,"
    "Roboto,Helvetica,Arial,sans-serif;",
    "ink": "#1b1f24",
    "quiet": "#57606a",
    "rule": "#d8dee4",
    "tint": "#f3f5f7",
}
"""`$ink` of a template; set before it is compiled, because a mail says these 150 times."""


def warm_up() -> None:
    """Compiles the templates: in a thread at start, or the first lead would stop the event loop."""
    for name in ("lead.html", "lead.txt", "plain.txt"):
        _environment().get_template(name)


def render_text(view: MailView) -> str:
    return _BLANK_LINES.sub("\n\n", _environment().get_template("lead.txt").render(_facts(view)))


def html_pieces(view: MailView) -> Iterator[str]:
    """The HTML in many small pieces: all at once takes longer than an event loop may stand."""
    return _environment().get_template("lead.html").generate(_facts(view))


def render_html(pieces: Iterable[str]) -> str:
    return _in_ascii(_BLANK_LINES.sub("\n", "".join(pieces)))


def _in_ascii(html: str) -> str:
    """With references for what is not ASCII, where that makes it hardly longer: such lines need no
    encoding on their way. Nothing of ours stands where a reference would not be read as one.
    """
    referred = html.encode("ascii", "xmlcharrefreplace").decode()
    return referred if len(referred) < _HARDLY_LONGER * len(html) else html


def _facts(view: MailView) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__struct_fields__}


def render_plain(snapshot: LeadSnapshot, profile: ShopProfile) -> str:
    """The last rung: how to reach the customer, and where the conversation is."""
    return (
        _environment()
        .get_template("plain.txt")
        .render(
            labels=labels_for(profile.languages[0]),
            shop=shop_card(profile),
            contacts=snapshot.contacts,
            thread_id=snapshot.thread_id,
            logs=logs_link(snapshot),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=select_autoescape(("html",), default=False, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {
        "unlinked": unlinked,
        "plain": _plain,
        "may_link": may_link,
        "has_rtl": has_rtl,
        "quoted": _quoted,
        "pieces": _pieces,
        "direction": direction,
        "isolated": isolated,
    }
    return environment


def _source(name: str) -> str:
    return Template((_TEMPLATES / name).read_text("utf-8")).substitute(_STYLE)


def _plain(text: str) -> str:
    """What is read; what is copied from there is only `unlinked`."""
    return isolated(unlinked(text))


def _quoted(text: str) -> str:
    return "\n".join(f"  > {line}" for line in text.splitlines())


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The text in pieces, each with what it is part of: a `link`, a `number` to hold together
    between letters from right to left, or neither.
    """
    rtl = has_rtl(text)
    for piece, link in link_pieces(text):
        if link:
            broken = piece.replace("://", ":\0//").replace(".", "\0.")
            yield from ((part, "link") for part in broken.split("\0"))
        else:
            for part, is_number in number_pieces(piece):
                yield part, "number" if rtl and is_number else ""
