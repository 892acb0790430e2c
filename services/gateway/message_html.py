"""How the page behind a message link looks: one column, three taps, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from libs.message_links import MessageLink
from libs.web.answers import Headers

_STYLE: Final = """
:root{color-scheme:light dark;
  --ink:#1d2129;--soft:#5b6472;--line:#868e99;--paper:#fff;--accent:#1f3a5f}
@media(prefers-color-scheme:dark){:root{
  --ink:#eceef1;--soft:#a7afbb;--line:#717a87;--paper:#16191d;--accent:#9cc0ee}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:0 auto;padding:24px 16px}h1{font-size:1.25rem;margin:0 0 16px}
dt{color:var(--soft)}dd{margin:0 0 16px;white-space:pre-wrap;overflow-wrap:anywhere}
.number{font-variant-numeric:tabular-nums}dd.number{font-size:1.25rem}nav{display:grid;gap:8px}
a,button{box-sizing:border-box;width:100%;min-height:48px;padding:12px 16px;cursor:pointer;
  border:1px solid var(--line);border-radius:8px;background:none;color:inherit;font:inherit;
  text-align:center;text-decoration:none}
a.first{background:var(--accent);border-color:var(--accent);color:var(--paper);font-weight:600}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
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


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Headers] = (
    ("Content-Security-Policy", POLICY),
    ("X-Robots-Tag", "noindex, nofollow"),
)


def message_page(link: MessageLink) -> bytes:
    """Both `?` and `&` before `body`: iOS wants the one, Android the other."""
    number = quote(link.phone, safe="+")
    sms = escape(f"sms:{number}?&body={quote(link.body, safe='')}")
    content = f"""<h1>Text the customer</h1>
<dl><dt>To</dt><dd class="number" id="phone">{escape(link.phone)}</dd>
<dt>Message</dt><dd id="message" dir="auto">{escape(link.body)}</dd></dl>
<nav aria-label="What to do"><a class="first" href="{sms}">Send message</a>
<a href="tel:{escape(number)}">Call</a>
<button type="button" data-copy="phone" data-done="Phone copied.">Copy phone</button>
<button type="button" data-copy="message" data-done="Message copied.">Copy message</button></nav>
<p id="said" role="status"></p><script>{_SCRIPT}</script>"""
    return _document("Text the customer", content)


def apology_page(status: int, message: str, request_id: str) -> bytes:
    title = HTTPStatus(status).phrase
    return _document(
        title,
        f"""<h1>{title}</h1><p role="alert">{escape(message)}</p>
<p>Reference: <span class="number">{escape(request_id)}</span></p>""",
    )


def _document(title: str, content: str) -> bytes:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex, nofollow">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>{_STYLE}</style></head><body><main>{content}</main></body></html>
""".encode()
