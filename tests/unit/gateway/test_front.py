"""What a shop's page loads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from libs.errors import SettingsError
from libs.runtime.settings import load
from libs.shops.locales import LOCALES
from libs.shops.profile import load_shops
from libs.web.answers import Refused
from services.gateway.front import Front, load_phrases, runtime_origins, static_files
from services.gateway.front import load as load_file
from services.gateway.openapi import FILE, spelled
from services.gateway.origins import Origins, own_origins
from services.gateway.settings import GatewaySettings
from tests.clock import HandClock
from tests.unit.web.calls import call

SETTINGS = load(GatewaySettings, {"HANDOFF_PORT": "8123"})
SHOPS = load_shops("deploy/shops")
OWN = own_origins(SETTINGS)


def front(settings: GatewaySettings = SETTINGS) -> Front:
    return Front(SHOPS, settings, HandClock(), OWN, load_phrases())


def test_a_file_that_is_not_there_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"handoff\.js cannot be read \(No such file"):
        load_file(static_files(())[0], tmp_path)
    with pytest.raises(SettingsError, match=r"phrases\.json cannot be read"):
        load_phrases(tmp_path)


async def test_a_file_is_served_plain_zipped_or_not_again(tmp_path: Path) -> None:
    (tmp_path / "handoff.js").write_text("let a = 1;" * 50)
    loaded = load_file(static_files(())[0], tmp_path)

    plain = await loaded.serve(call())
    zipped = await loaded.serve(call(Accept_Encoding="gzip"))
    again = await loaded.serve(call(If_None_Match=loaded.etag))

    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body)
    assert (again.status, again.body) == (304, b"")


async def test_the_panel_is_served_for_good_to_pages_that_ask_for_this_very_one() -> None:
    files = {file.path: load_file(file) for file in static_files(())}
    script, panel = files["/handoff.js"], files["/panel.js"]
    digest = base64.b64encode(hashlib.sha384(panel.body).digest()).decode()

    served = await panel.serve(call(target=f"/panel.js?v={quote(f'sha384-{digest}', safe='')}"))

    assert f'"sha384-{digest}"' in script.body.decode()
    assert served.body == panel.body
    assert dict(script.file.headers)["Cache-Control"] == "no-cache", "an old one asks for another"
    assert "immutable" in dict(served.headers)["Cache-Control"]
    for version in ("", "?v=", "?v=sha384-abc"):
        with pytest.raises(Refused) as refused:
            await panel.serve(call(target=f"/panel.js{version}"))
        assert refused.value.status == 404


async def test_urls_follow_the_address_by_which_the_browser_came() -> None:
    async def base(host: str, settings: GatewaySettings = SETTINGS) -> str:
        answer = await front(settings).endpoints(call(Host=host))
        url: str = json.loads(answer.body)["custom"]["chatkit_session_url"]
        return url.removesuffix("/api/chatkit/session")

    public = load(GatewaySettings, {"PUBLIC_URL": "https://chat.example"})
    assert await base("localhost:8123") == "http://localhost:8123"
    assert await base("evil.example") == "http://127.0.0.1:8123"
    assert await base("evil.example", public) == "https://chat.example"


@pytest.mark.parametrize("asked", ["en", "ar", "zh-hans", "pt-BR", "xx", "", "a" * 200])
async def test_every_page_gets_all_texts_in_some_language(asked: str) -> None:
    answer = await front().config(call(target=f"/handoff.json?locale={asked}"))

    chat = json.loads(answer.body)["chat"]
    english = set(load_phrases()["en"])
    assert english <= set(chat["texts"])
    assert chat["texts"]["prompts"]
    assert chat["dir"] == ("rtl" if asked == "ar" else "ltr")
    assert (chat["phone"], chat["phone_shown"]) == ("+14085550142", "(408) 555-0142")
    assert (chat["colour"], chat["on_colour"]) == ("#7a1f1f", "#ffffff")


def test_every_language_has_every_phrase() -> None:
    phrases = load_phrases()
    english = phrases["en"]

    assert set(phrases) == set(LOCALES.values())
    assert {locale for locale, said in phrases.items() if said.keys() != english.keys()} == set()
    assert all(words for said in phrases.values() for words in said.values())


async def test_the_runtime_is_told_of_the_shop_where_it_may_run_and_nowhere_else() -> None:
    async def told(locale: str, **environ: str) -> dict[str, Any]:
        answer = await front(load(GatewaySettings, environ)).config(
            call(target=f"/handoff.json?locale={locale}")
        )
        chat: dict[str, Any] = json.loads(answer.body)["chat"]
        return chat

    own = await told("fa", CHATKIT_DOMAIN_KEY="domain_pk")
    hosted = await told("es", CONVERSATIONS="hosted")

    assert (await told("en"))["runtime"] is None
    assert own["runtime"]["api"]["domainKey"] == "domain_pk"
    assert own["runtime"]["locale"] == "en", "it knows no Persian"
    assert hosted["runtime"]["api"] is None
    assert hosted["runtime"]["startScreen"]["greeting"] == hosted["texts"]["greeting"]


def test_origins_are_compared_as_they_are_spelled() -> None:
    origins = Origins(SHOPS, OWN)

    assert origins.shop_of("https://craigs.autos") == "craigs"
    assert origins.shop_of("http://localhost:8123") == "craigs"
    assert Origins(SHOPS, ()).shop_of("http://localhost:8123") == ""
    assert origins.shop_of("https://CRAIGS.autos") == ""
    assert origins.shop_of("null") == ""
    assert origins.shop_of("") == ""


def test_openapi_json_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == spelled(), "run `python -m services.gateway.openapi`"


async def test_the_runtime_comes_from_where_the_settings_say_and_the_demo_lets_it() -> None:
    mirror = "https://mirror.example:8443/chatkit.js"
    settings = load(GatewaySettings, {"CHATKIT_RUNTIME_URLS": f"{mirror}, https://b.example/x.js"})
    answer = await front(settings).config(call())
    page = next(file for file in static_files(runtime_origins(settings)) if file.path == "/")

    assert json.loads(answer.body)["chat"]["runtime_urls"] == [mirror, "https://b.example/x.js"]
    policy = dict(page.headers)["Content-Security-Policy"]
    for source in ("script-src", "frame-src"):
        assert f"{source} 'self' https://mirror.example:8443 https://b.example" in policy
    assert "openai" not in policy


@pytest.mark.parametrize("url", ["http://a.example/x.js", "x", "https://a.example/ 'unsafe-eval'"])
def test_a_runtime_from_anywhere_else_stops_the_start(url: str) -> None:
    settings = load(GatewaySettings, {"CHATKIT_RUNTIME_URLS": url})

    with pytest.raises(SettingsError, match="CHATKIT_RUNTIME_URLS"):
        runtime_origins(settings)


async def test_only_one_machine_with_an_outbox_sends_a_person_to_its_inbox() -> None:
    here = await front(load(GatewaySettings, {"HANDOFF_INBOX_PORT": "8999"})).inbox(call())
    assert (here.status, dict(here.headers)["Location"]) == (302, "http://127.0.0.1:8999/")

    elsewhere = Front(SHOPS, SETTINGS, HandClock(), (), load_phrases())
    for other in (elsewhere, front(load(GatewaySettings, {"MAIL": "ses"}))):
        with pytest.raises(Refused) as refused:
            await other.inbox(call())
        assert refused.value.status == 404
