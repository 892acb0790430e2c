"""Prints a view as text and as HTML; every fact comes from the view, every escape from Jinja."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from libs.leads.snapshot import LeadSnapshot
from libs.shops.profile import ShopProfile
from services.mailer.letter.actions import logs_link
from services.mailer.letter.language import direction, has_rtl, labels_for
from services.mailer.letter.links import link_pieces, may_link, unlinked
from services.mailer.letter.shape import MailView
from services.mailer.letter.view import shop_card
from services.mailer.letter.wording import isolated, number_pieces

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_HARDLY_LONGER: Final = 1.05
_TEMPLATES: Final = Path(__file__).parent / "templates"
_FONT: Final = (
    "font-family:-apple-system,BlinkMacSystemFont,&#39;Segoe UI&#39;,"
    "Roboto,Helvetica,Arial,sans-serif;"
)
_INK: Final = "#1b1f24"
_STYLE: Final = {
    "font": _FONT,
    "heading": f"margin:32px 0 8px;padding:0;{_FONT}font-size:18px;line-height:24px;"
    f"font-weight:700;color:{_INK};",
    "ink": _INK,
    "quiet": "#57606a",
    "rule": "#d8dee4",
    "tint": "#f3f5f7",
}
"""`$ink` of a template; set before it is compiled, because a mail says these 150 times."""


def warm_up() -> None:
    """Compiles the templates: in a thread at start, or the first lead would stop the event loop."""
    for name in ("lead.html", "lead.txt", "plain.txt"):
        _template(name)


def render_text(view: MailView) -> str:
    return _BLANK_LINES.sub("\n\n", _template("lead.txt").render(_facts(view)))


def html_pieces(view: MailView) -> Iterator[str]:
    """The HTML in many small pieces: all at once takes longer than an event loop may stand."""
    return _template("lead.html").generate(_facts(view))


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
    return _template("plain.txt").render(
        labels=labels_for(profile.languages[0]),
        shop=shop_card(profile),
        contacts=snapshot.contacts,
        thread_id=snapshot.thread_id,
        logs=logs_link(snapshot),
    )


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


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
        "line": _line,
        "quoted": _quoted,
        "direction": direction,
        "isolated": isolated,
    }
    return environment


def _source(name: str) -> str:
    return string.Template((_TEMPLATES / name).read_text("utf-8")).substitute(_STYLE)


def _plain(text: str) -> str:
    """What is read; what is copied from there is only `unlinked`."""
    return isolated(unlinked(text))


def _quoted(text: str) -> str:
    return "\n".join(f"  > {line}" for line in text.splitlines())


def _line(text: str) -> str:
    """To stand in HTML. A link in several elements is none to any reader; a number between Arabic
    letters falls apart unless it says that it reads from left to right.
    """
    rtl = has_rtl(text)
    if not rtl and not may_link(text):
        return text  # which the template escapes
    return Markup().join(_pieces(text, rtl=rtl))


def _pieces(text: str, *, rtl: bool) -> Iterator[Markup]:
    for piece, link in link_pieces(text):
        if link:
            broken = piece.replace("://", ":\0//").replace(".", "\0.")
            yield from map(_APART.format, broken.split("\0"))
        else:
            for part, is_number in number_pieces(piece):
                yield (_TOGETHER if rtl and is_number else _AS_IT_IS).format(part)


_APART: Final = Markup("<span>{}</span>")
_TOGETHER: Final = Markup('<span dir="ltr" style="white-space:nowrap;">{}</span>')
_AS_IT_IS: Final = Markup("{}")
