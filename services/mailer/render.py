"""Prints a view as text and as HTML; every fact comes from the view, every escape from Jinja."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from libs.shops.profile import ShopProfile
from libs.snapshot import LeadSnapshot
from services.mailer.language import direction
from services.mailer.letter import MailView
from services.mailer.reach import logs_link
from services.mailer.view import shop_card
from services.mailer.wording import link_pieces, number_pieces, unlinked

if TYPE_CHECKING:
    from jinja2 import Environment

_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(view: MailView) -> tuple[str, str]:
    """(text, html)."""
    facts = {field: getattr(view, field) for field in view.__struct_fields__}
    text = _environment().get_template("lead.txt").render(facts)
    html = _environment().get_template("lead.html").render(facts)
    return _BLANK_LINES.sub("\n\n", text), _BLANK_LINES.sub("\n", html)


def render_plain(snapshot: LeadSnapshot, profile: ShopProfile) -> str:
    """The last rung: how to reach the customer, and where the conversation is."""
    return (
        _environment()
        .get_template("plain.txt")
        .render(
            shop=shop_card(profile),
            contacts=snapshot.contacts,
            thread_id=snapshot.thread_id,
            logs=logs_link(snapshot, profile),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html",), default=False, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {
        "unlinked": unlinked,
        "quoted": _quoted,
        "pieces": _pieces,
        "direction": direction,
    }
    return environment


def _quoted(text: str) -> str:
    return "\n".join(f"  > {line}" for line in text.splitlines())


def _pieces(text: str, dir: str) -> Iterator[tuple[str, str]]:  # noqa: A002 - as HTML calls it
    """The text in pieces and how each is wrapped: `link`, `number` or not at all.

    A link in several elements is none to any reader; a phone number between Arabic letters falls
    apart unless it says that it reads from left to right.
    """
    for piece, link in link_pieces(text):
        if link:
            broken = piece.replace("://", ":\0//").replace(".", "\0.")
            yield from ((part, "link") for part in broken.split("\0"))
        elif dir == "rtl":
            for part, is_number in number_pieces(piece):
                yield part, "number" if is_number else ""
        else:
            yield piece, ""
