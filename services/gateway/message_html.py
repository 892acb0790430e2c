"""The pages behind the links of a mail: one column, a few taps, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from libs.leads.message_links import MessageLink
from libs.shops.colour import ink_on
from libs.shops.profile import ShopProfile
from libs.web.answers import Answer, Refused
from libs.web.call import Call

_HTML: Final = "text/html; charset=utf-8"
_STYLE: Final = """
:root{color-scheme:light dark;
  --ink:#1d2129;--soft:#5b6472;--line:#868e99;--paper:#fff}
@media(prefers-color-scheme:dark){:root{
  --ink:#eceef1;--soft:#a7afbb;--line:#717a87;--paper:#16191d}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:0 auto;padding:24px 16px}h1{font-size:1.25rem;margin:0 0 16px}
dt{color:var(--soft)}dd{margin:0 0 16px;white-space:pre-wrap;overflow-wrap:anywhere}
.number{font-variant-numeric:tabular-nums}dd.number{font-size:1.25rem}nav{display:grid;gap:8px}
a,button{box-sizing:border-box;width:100%;min-height:48px;padding:12px 16px;cursor:pointer;
  border:1px solid var(--line);border-radius:8px;background:none;color:inherit;font:inherit;
  text-align:center;text-decoration:none}
a.first{background:var(--accent);color:var(--on-accent);font-weight:600}
:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
"""
_SCRIPT: Final = """
for (const button of document.querySelectorAll("button[data-copy]"))
  button.addEventListener("click", async () => {
    const said = document.getElementById("said");
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      said.textContent = button.dataset.done;
    } catch { said.textContent = "Copying is not allowed here; select the text instead."; }
  });
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_MISSING: Final = (
    "This link is not complete",
    "Tap it in the email again, or copy all of it from there.",
)
_GONE: Final = (
    "There is nothing here",
    "What this link led to was removed, or the link is not complete. Try it in the email again.",
)
_APOLOGIES: Final = {
    "missing_token": _MISSING,
    "invalid_token": _MISSING,
    "not_found": _GONE,
    "expired": (
        "This link has expired",
        "Links in the email end after a while. What the email itself shows stays there.",
    ),
    "rate_limited": ("Too many requests", "Wait a minute, then open the link again."),
}
_TROUBLE: Final = ("This does not work just now", "Open the link again in a moment.")


def wants_page(call: Call) -> bool:
    """A person followed a link; a program, or a picture in a page, asks for no HTML."""
    return "text/html" in call.headers.get("Accept", "")


def message_page(link: MessageLink, shop: ShopProfile) -> Answer:
    """Both `?` and `&` before `body`: iOS wants the one, Android the other."""
    number = quote(link.phone, safe="+")
    sms = escape(f"sms:{number}?&body={quote(link.body, safe='')}")
    content = f"""<h1>Text the customer</h1>
<dl><dt>To</dt><dd class="number" id="phone">{escape(shop.shown(link.phone))}</dd>
<dt>Message</dt><dd id="message" dir="auto">{escape(link.body)}</dd></dl>
<nav aria-label="What to do"><a class="first" href="{sms}">Send message</a>
<a href="tel:{escape(number)}">Call</a>
<button type="button" data-copy="phone" data-done="Phone copied.">Copy phone</button>
<button type="button" data-copy="message" data-done="Message copied.">Copy message</button></nav>
<p id="said" role="status"></p><script>{_SCRIPT}</script>"""
    accent = f":root{{--accent:{shop.colour};--on-accent:{ink_on(shop.colour)}}}"
    return _page(200, "Text the customer", content, style=_STYLE + accent)


def apology(call: Call, refused: Refused) -> Answer:
    return apology_page(call, refused) if wants_page(call) else refused.answer(call.request_id)


def apology_page(call: Call, refused: Refused) -> Answer:
    title, advice = _APOLOGIES.get(refused.error, _TROUBLE)
    content = f"""<h1>{title}</h1><p role="alert">{advice}</p>
<p>Reference: <span class="number">{escape(call.request_id)}</span></p>"""
    page = _page(refused.status, title, content, style=_STYLE)
    return replace(page, headers=(*page.headers, *refused.headers), outcome=refused.error)


def _page(status: int, title: str, content: str, *, style: str) -> Answer:
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex, nofollow">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>{style}</style></head><body><main>{content}</main></body></html>
"""
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(_SCRIPT)};"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (("Content-Security-Policy", policy), ("X-Robots-Tag", "noindex, nofollow"))
    return Answer(status, body.encode(), _HTML, headers)
