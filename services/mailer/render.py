"""Prints a view as text and as HTML; every fact comes from the view, every escape from Jinja."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from libs.shops.profile import ShopProfile
from libs.snapshot import LeadSnapshot
from services.mailer.letter import MailView
from services.mailer.reach import logs_link
from services.mailer.view import shop_card
from services.mailer.wording import link_pieces, unlinked

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(view: MailView) -> tuple[str, str]:
    """(text, html)."""
    facts = {field: getattr(view, field) for field in view.__struct_fields__}
    return (
        _environment().get_template("lead.txt").render(facts),
        _environment().get_template("lead.html").render(facts),
    )


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
    environment.filters |= {"unlinked": unlinked, "quoted": _quoted, "dotted": _dotted}
    return environment


def _quoted(text: str) -> str:
    return "\n".join(f"  > {line}" for line in text.splitlines())


def _dotted(text: str) -> Iterator[tuple[str, bool]]:
    """Pieces, each with whether to wrap it: a link in several elements is none to any reader."""
    for piece, link in link_pieces(text):
        if not link:
            yield piece, False
            continue
        for part in piece.replace("://", ":\0//").replace(".", "\0.").split("\0"):
            yield part, True
