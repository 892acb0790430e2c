"""Files of hosted conversations come from the provider alone, over an address looked at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.port import Attachment
from libs.runtime.clock import SystemClock
from libs.runtime.ids import random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.web.edge import Edge
from libs.web.requests import Requests
from libs.web.server import EdgeServer
from services.attachments.adapters.child import ChildDarkroom
from services.attachments.handlers import Attachments
from services.attachments.http import AttachmentSite
from services.lead.adapters import hosted_files
from services.lead.adapters.hosted_files import FetchedFiles, own_id, provider_session
from services.lead.ports import Owner
from services.lead.provider_urls import is_public, provider_host
from tests import pictures
from tests.security.url_tricks import ADDRESSES, GOOD, tricks
from tests.servers import free_port

pytestmark = pytest.mark.slow

KEYS = ("k" * 40,)
ANA = Owner("craigs", "v_ana", "cthr_1")
PUBLIC = "8.8.8.8"
GOOD_URL = f"https://{GOOD}/file-1?se=2026&sig=a%2Fb"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Network:
    """Counts what would leave the machine, at the resolver and at the socket."""

    answers: list[list[str]] = field(default_factory=lambda: [[PUBLIC]])
    """For one look-up after the other; the last one stays."""
    provider_port: int = 0
    looked_up: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    async def look_up(self, host: str, port: int) -> Sequence[tuple[Any, ...]]:
        self.looked_up.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [_info(address, port) for address in answer]

    def patch(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
        connect = loop.sock_connect

        async def counted(sock: socket.socket, address: Any) -> None:
            if address[0] == "127.0.0.1" and address[1] != 443:
                return await connect(sock, address)
            self.connected.append(address[:2])
            if address[:2] != (PUBLIC, 443) or not self.provider_port:
                raise ConnectionRefusedError
            return await connect(sock, ("127.0.0.1", self.provider_port))

        monkeypatch.setattr(loop, "sock_connect", counted)


def _info(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


@dataclass
class World:
    files: FetchedFiles
    blobs: MemoryBlobs
    network: Network
    provider: list[Handler]
    """How the provider answers; a list, to be set."""

    async def take(self, url: str, name: str = "seat.HEIC", file_id: str = "cfile_1") -> Any:
        sent = Attachment(id=file_id, name=name, mime_type="image/heic", preview_url=url)
        return (await self.files.take_in(ANA, [sent]))[file_id]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    certificate = _certificate(tmp_path)
    trust = ssl.create_default_context(cafile=certificate)
    network, blobs, provider = Network(), MemoryBlobs(), [_photo]
    network.patch(asyncio.get_running_loop(), monkeypatch)
    async with AsyncExitStack() as stack:
        url = await _attachments(stack, blobs, tmp_path)
        network.provider_port = await _provider(stack, provider, certificate)
        files = FetchedFiles(
            provider=await stack.enter_async_context(provider_session(network.look_up, trust)),
            attachments=await stack.enter_async_context(ClientSession()),
            attachments_url=url,
            blobs=blobs,
            keys=KEYS,
            clock=SystemClock(),
        )
        yield World(files, blobs, network, provider)


async def _attachments(stack: AsyncExitStack, blobs: MemoryBlobs, folder: Path) -> str:
    class Unlimited:
        async def spend(self, shop: str, visitor: str, size_bytes: int) -> bool:
            return True

    attachments = Attachments(blobs, ChildDarkroom(), Unlimited(), folder)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    site = AttachmentSite(attachments, KEYS, url, SystemClock(), random_id)
    log = Log("attachments", level="error")
    edge = Edge(site.routes(), log, Requests(log, Metrics(), SystemClock()))
    await _serve(stack, EdgeServer(edge), port, None)
    return url


async def _provider(stack: AsyncExitStack, answers: list[Handler], certificate: Path) -> int:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await answers[0](request)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    port = free_port()
    await _serve(stack, web.Server(answer), port, context)
    return port


async def _serve(
    stack: AsyncExitStack, server: web.Server[Any], port: int, context: ssl.SSLContext | None
) -> None:
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()


async def _photo(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=pictures.with_places("image/jpeg"), content_type="image/jpeg")


def _certificate(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(GOOD)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "provider.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_no_trick_reaches_the_resolver_or_a_socket(world: World) -> None:
    assert len(tricks()) >= 300
    for number, url in enumerate(tricks()):
        kept = await world.take(url, file_id=f"cfile_{number}")
        assert (kept.mime_type, kept.problem) == ("", "unreachable"), url

    assert world.network.looked_up == []
    assert world.network.connected == []


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_good_name_that_leads_inside_is_not_followed(world: World, address: str) -> None:
    assert not is_public(address)
    world.network.answers = [[PUBLIC, address], [address], [PUBLIC]]

    mixed = await world.take(GOOD_URL, file_id="cfile_1")
    alone = await world.take(GOOD_URL, file_id="cfile_2")

    assert mixed.problem == alone.problem == "unreachable"
    assert world.network.connected == []


async def test_the_connection_goes_to_the_address_that_was_looked_at(world: World) -> None:
    world.network.answers = [[PUBLIC], ["169.254.169.254"]]

    kept = await world.take(GOOD_URL)

    assert kept.mime_type == "image/jpeg"
    assert world.network.looked_up == [GOOD]
    assert world.network.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "//127.0.0.1/", "/other", f"https://{GOOD}/other"]
)
async def test_a_redirect_is_where_it_ends(world: World, status: int, target: str) -> None:
    async def away(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    world.provider[0] = away

    assert (await world.take(GOOD_URL)).problem == "unreachable"
    assert len(world.network.connected) == 1


async def test_a_provider_without_the_right_certificate_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await world.take("https://sdmntprwestus.oaiusercontent.com/x")

    assert kept.problem == "unreachable"
    assert world.network.connected == [(PUBLIC, 443)]


async def test_a_photo_is_cleaned_and_kept_as_if_it_had_been_sent_to_us(world: World) -> None:
    kept = await world.take(GOOD_URL)

    assert (kept.id, kept.name, kept.kind) == (own_id(ANA, "cfile_1"), "seat", "image")
    for key in (kept.original_key, f"renditions/{kept.id}/1200.jpg"):
        assert pictures.places_left(world.blobs.bodies[key]) == []


async def test_what_is_in_is_not_fetched_again(world: World) -> None:
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
    world: World, body: bytes, problem: str
) -> None:
    async def other(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, content_type="image/jpeg")

    world.provider[0] = other

    kept = await world.take(GOOD_URL)

    assert (kept.mime_type, kept.problem) == ("", problem)
    assert list(world.blobs.bodies) == [f"attachments/{kept.id}.json"]


@pytest.mark.parametrize("status", [204, 206, 401, 403, 404, 410, 429, 500, 503])
async def test_any_other_answer_is_asked_for(world: World, status: int) -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status)

    world.provider[0] = refuse

    assert (await world.take(GOOD_URL)).problem == "unreachable"


async def test_a_provider_that_hangs_costs_one_photo_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"\xff\xd8\xff")
        await asyncio.sleep(60)
        return response

    monkeypatch.setattr(hosted_files, "FETCH", ClientTimeout(total=0.3))
    world.provider[0] = hang

    assert (await world.take(GOOD_URL)).problem == "unreachable"
    assert hosted_files.ALL_SECONDS == 60


def test_the_plain_way_is_taken() -> None:
    assert provider_host(GOOD_URL) == GOOD
    assert provider_host(f"https://{GOOD}:443/x") == GOOD
    assert provider_host("https://sdmntprwestus2.oaiusercontent.com/x?y=[1]~") is not None
    assert all(map(is_public, ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1")))
