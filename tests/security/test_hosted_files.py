"""Files of hosted conversations come from the provider alone, over an address looked at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientTimeout, web

from libs.attachments.records import record_key, refusal_key
from libs.blobs.fakes import MemoryBlobs
from services.lead.adapters import hosted_files as module
from services.lead.adapters.hosted_files import own_id
from services.lead.provider_urls import is_public, provider_host
from tests import pictures
from tests.hosted_provider import ANA, GOOD_URL, PUBLIC, FileHost, hosted_files
from tests.security.url_tricks import ADDRESSES, GOOD, tricks

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FileHost]:
    async with hosted_files(tmp_path, MemoryBlobs(), monkeypatch) as world:
        yield world


async def test_no_trick_reaches_the_resolver_or_a_socket(world: FileHost) -> None:
    assert len(tricks()) >= 300
    for number, url in enumerate(tricks()):
        kept = await world.take(url, file_id=f"cfile_{number}")
        assert (kept.mime_type, kept.problem) == ("", "unreachable"), url

    assert world.network.looked_up == []
    assert world.network.connected == []


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_good_name_that_leads_inside_is_not_followed(world: FileHost, address: str) -> None:
    assert not is_public(address)
    world.network.answers = [[PUBLIC, address], [address], [PUBLIC]]

    mixed = await world.take(GOOD_URL, file_id="cfile_1")
    alone = await world.take(GOOD_URL, file_id="cfile_2")

    assert mixed.problem == alone.problem == "unreachable"
    assert world.network.connected == []


async def test_the_connection_goes_to_the_address_that_was_looked_at(world: FileHost) -> None:
    world.network.answers = [[PUBLIC], ["169.254.169.254"]]

    kept = await world.take(GOOD_URL)

    assert kept.mime_type == "image/jpeg"
    assert world.network.looked_up == [GOOD]
    assert world.network.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "//127.0.0.1/", "/other", f"https://{GOOD}/other"]
)
async def test_a_redirect_is_where_it_ends(world: FileHost, status: int, target: str) -> None:
    async def away(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    world.provider[0] = away

    assert (await world.take(GOOD_URL)).problem == "unreachable"
    assert len(world.network.connected) == 1


async def test_a_provider_without_the_right_certificate_is_none(
    world: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await world.take("https://sdmntprwestus.oaiusercontent.com/x")

    assert kept.problem == "unreachable"
    assert world.network.connected == [(PUBLIC, 443)]


async def test_a_photo_is_cleaned_and_kept_as_if_it_had_been_sent_to_us(world: FileHost) -> None:
    kept = await world.take(GOOD_URL)

    assert (kept.id, kept.name, kept.kind) == (own_id(ANA, "cfile_1"), "seat.jpg", "image")
    for key in (kept.original_key, f"renditions/{kept.id}/1200.jpg"):
        assert pictures.places_left(world.blobs.bodies[key]) == []


async def test_a_file_keeps_the_ending_by_which_a_phone_opens_it(world: FileHost) -> None:
    async def pdf(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF")

    world.provider[0] = pdf

    assert (await world.take(GOOD_URL, name="insurance.PDF")).name == "insurance.pdf"


async def test_what_is_in_is_not_fetched_again(world: FileHost) -> None:
    first = await world.take(GOOD_URL)

    assert await world.take(GOOD_URL) == first
    assert len(world.network.connected) == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
        (b"\xff\xd8\xff" + bytes(13 * 1024 * 1024), "too_large"),
        (b"", "no_file"),
    ],
)
async def test_what_the_visitor_may_not_send_does_not_come_in_this_way(
    world: FileHost, body: bytes, problem: str
) -> None:
    async def other(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, content_type="image/jpeg")

    world.provider[0] = other

    kept = await world.take(GOOD_URL)

    assert (kept.mime_type, kept.problem) == ("", problem)
    assert set(world.blobs.bodies) == {
        record_key(kept.id),
        refusal_key(ANA.shop, ANA.visitor, kept.id),
    }


@pytest.mark.parametrize("status", [204, 206, 401, 403, 404, 410, 429, 500, 503])
async def test_any_other_answer_is_asked_for(world: FileHost, status: int) -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status)

    world.provider[0] = refuse

    assert (await world.take(GOOD_URL)).problem == "unreachable"


async def test_a_provider_that_hangs_costs_one_photo_its_time(
    world: FileHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"\xff\xd8\xff")
        await asyncio.sleep(60)
        return response

    assert module.FETCH.total == 8
    monkeypatch.setattr(module, "FETCH", ClientTimeout(total=0.3))
    world.provider[0] = hang

    assert (await world.take(GOOD_URL)).problem == "unreachable"
    assert module.ALL_SECONDS == 60


def test_the_plain_way_is_taken() -> None:
    assert provider_host(GOOD_URL) == GOOD
    assert provider_host(f"https://{GOOD}:443/x") == GOOD
    assert provider_host("https://sdmntprwestus2.oaiusercontent.com/x?y=[1]~") is not None
    assert all(map(is_public, ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1")))
