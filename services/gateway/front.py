"""What a shop's page loads: script, look, settings, and in one-machine mode the demo page."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from libs.attachments.records import LARGEST_BYTES
from libs.errors import SettingsError
from libs.runtime.clock import Clock
from libs.shops.colour import ink_on
from libs.shops.hours import state_at
from libs.shops.locales import direction_of, locale_of
from libs.shops.profile import ShopProfile, Shops
from libs.web.answers import Answer, Headers, Refused, json_answer
from libs.web.call import Call
from services.gateway.settings import GatewaySettings

MOST_FILES: Final = 7
"""In one message."""
FOLDER: Final = Path(__file__).parent / "static"

_FRESH: Final = (
    ("Cache-Control", "no-cache"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
"""Asked after for each page: an older script would ask for a panel that is gone."""
_A_WHILE: Final = (
    ("Cache-Control", "public, max-age=300"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
_FOR_GOOD: Final = (
    ("Cache-Control", "public, max-age=31536000, immutable"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
_PIN: Final = re.compile(rb"\{([a-z]+\.js)\}")
_ORIGIN: Final = re.compile(r"(https://[A-Za-z0-9.-]+(?::\d{1,5})?)/[!-~]*", re.ASCII)


class StaticFile(msgspec.Struct, frozen=True):
    path: str
    name: str
    content_type: str
    headers: Headers
    demo: bool = False
    """Only in the one-machine mode."""
    pinned: bool = False
    """Asked for by what is in it: a page of another version is told that it is not here."""


def runtime_origins(settings: GatewaySettings) -> tuple[str, ...]:
    """Where OpenAI's chat runtime and its frame come from. Raises SettingsError."""
    found = [_ORIGIN.fullmatch(url) for url in settings.runtime_urls]
    if not all(found):
        raise SettingsError("CHATKIT_RUNTIME_URLS holds something that is no https:// address.")
    return tuple(dict.fromkeys(match[1] for match in found if match))


def static_files(runtime: Sequence[str]) -> tuple[StaticFile, ...]:
    """The demo page is an ordinary shop's page: it shows that a strict policy suffices."""
    allowed = " ".join(("'self'", *runtime))
    policy = (
        "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; frame-ancestors 'none';"
        f" script-src {allowed}; frame-src {allowed}"
    )
    demo = (("Cache-Control", "no-cache"), ("Content-Security-Policy", policy))
    script, css = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
    return (
        StaticFile("/handoff.js", "handoff.js", script, _FRESH),
        StaticFile("/panel.js", "panel.js", script, _FOR_GOOD, pinned=True),
        StaticFile("/handoff.css", "handoff.css", css, _A_WHILE),
        StaticFile("/", "demo.html", "text/html; charset=utf-8", demo, demo=True),
        StaticFile("/demo.js", "demo.js", script, demo, demo=True),
        StaticFile("/demo.css", "demo.css", css, demo, demo=True),
    )


@dataclass(frozen=True)
class Loaded:
    """One file, read at the start."""

    file: StaticFile
    body: bytes
    zipped: bytes
    etag: str
    pin: str = ""

    async def serve(self, call: Call) -> Answer:
        if self.pin and call.parameter("v") != self.pin:
            raise Refused("not_found")
        headers = (*self.file.headers, ("ETag", self.etag), ("Vary", "Accept-Encoding, Origin"))
        if self.etag in call.headers.get("If-None-Match", ""):
            return Answer(304, content_type=self.file.content_type, headers=headers)
        if "gzip" in call.headers.get("Accept-Encoding", ""):
            headers = (*headers, ("Content-Encoding", "gzip"))
            return Answer(200, self.zipped, self.file.content_type, headers)
        return Answer(200, self.body, self.file.content_type, headers)


def load(file: StaticFile, folder: Path = FOLDER) -> Loaded:
    """With the hash of what it loads filled in: its own covers both. Raises SettingsError."""
    raw = _read(folder / file.name)
    body = _PIN.sub(lambda found: _pin(_read(folder / found[1].decode())).encode(), raw)
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    pin = _pin(body) if file.pinned else ""
    return Loaded(file, body, gzip.compress(body, 9, mtime=0), etag, pin)


def _pin(body: bytes) -> str:
    """As an `integrity` attribute says it."""
    return f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}"


@dataclass(frozen=True)
class Front:
    shops: Shops
    settings: GatewaySettings
    clock: Clock
    own_origins: Sequence[str]
    """Addresses of this very listener, in the one-machine mode."""
    phrases: Mapping[str, Mapping[str, str]]
    """The panel's own words by language."""

    async def inbox(self, call: Call) -> Answer:
        """Where the mails of this machine are: a listener of its own, on loopback only."""
        if not self.own_origins or self.settings.mail != "outbox":
            raise Refused("not_found")
        return Answer(302, headers=(("Location", f"http://127.0.0.1:{self.settings.inbox_port}/"),))

    async def endpoints(self, call: Call) -> Answer:
        return json_answer({"custom": self._endpoints(call)})

    async def config(self, call: Call) -> Answer:
        """All that `handoff.js` needs to know, in the page's language."""
        shop = self.shops.by_slug.get(call.shop, self.shops.default)
        locale = locale_of(call.parameter("locale"))
        return json_answer({"custom": self._endpoints(call), "chat": self._chat(shop, locale)})

    def _endpoints(self, call: Call) -> dict[str, str]:
        base = self._base(call)
        return {
            "chatkit_session_url": f"{base}/api/chatkit/session",
            "chatkit_lead_email_url": f"{base}/api/chatkit/lead",
            "chatkit_attachment_upload_url": f"{base}/api/chatkit/attachment",
            "chatkit_sms_link_url": f"{base}/api/message-link",
            "chatkit_lead_signal_url": f"{base}/api/lead-signal",
        }

    def _base(self, call: Call) -> str:
        """On one machine, the address by which the browser came, if it is one of ours."""
        here = f"http://{call.headers.get('Host', '')}"
        return here if here in self.own_origins else self.settings.base_url

    def _chat(self, shop: ShopProfile, locale: str) -> dict[str, object]:
        texts = shop.text_for(locale)
        return {
            "mode": self.settings.conversations,
            "runtime_urls": self.settings.runtime_urls,
            "runtime": self._runtime(shop, locale),
            "shop": shop.name,
            "assistant": shop.assistant,
            "phone": shop.phone,
            "phone_shown": shop.phone_shown,
            "colour": shop.colour,
            "on_colour": ink_on(shop.colour),
            "most_files": MOST_FILES,
            "largest_file_bytes": LARGEST_BYTES,
            "open_now": state_at(shop, self.clock.now()).shop_is_open_now,
            "locale": locale,
            "dir": direction_of(locale),
            "texts": {
                **self.phrases[locale],
                "greeting": texts.greeting,
                "placeholder": texts.placeholder,
                "prompts": texts.start_prompts,
            },
        }

    def _runtime(self, shop: ShopProfile, locale: str) -> dict[str, object] | None:
        """What OpenAI's runtime is told, but for what only the browser knows; where it may run.

        An option that it does not know leaves a blank chat: its own types judge these in a test.
        """
        key, own = self.settings.chatkit_domain_key, self.settings.conversations == "own"
        if own and not key:
            return None
        texts = shop.text_for(locale)
        prompts = [{"label": text, "prompt": text} for text in texts.start_prompts]
        taken = {"enabled": True, "maxSize": LARGEST_BYTES, "maxCount": MOST_FILES}
        api = {"domainKey": key, "uploadStrategy": {"type": "two_phase"}} if own else None
        options: dict[str, object] = {
            "api": api,
            "locale": "en" if locale == "fa" else locale,  # it knows no Persian
            "theme": {"color": {"accent": {"primary": shop.colour, "level": 1}}},
            "header": {"title": {"text": shop.name}},
            "history": {"enabled": True},
            "startScreen": {"greeting": texts.greeting, "prompts": prompts},
            "composer": {"placeholder": texts.placeholder, "attachments": taken},
        }
        return options


def load_phrases(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Raises SettingsError."""
    raw = _read(folder / "phrases.json")
    return msgspec.json.decode(raw, type=dict[str, dict[str, str]])


def _read(path: Path) -> bytes:
    """A shop whose script tag would be answered 404 is told at the start, not by its customers."""
    try:
        return path.read_bytes()
    except OSError as error:
        sentence = f"{path} cannot be read ({error.strerror}): install Handoff again."
        raise SettingsError(sentence) from error
