"""Twenty conversations, hosted by OpenAI and kept by us: the same records, the same mails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import cast
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import web
from msgspec.json import encode
from msgspec.structs import replace

from libs.attachments.records import StoredAttachment, record_key, upload_link
from libs.blobs.fakes import MemoryBlobs
from libs.conversations.fakes import MemoryChatStore
from libs.conversations.hosted import HostedConversations
from libs.conversations.own import OwnConversations
from libs.conversations.port import Conversation
from libs.ledger.record import LeadRecord, State
from libs.ledger.timing import DAY_SECONDS
from libs.messages.mail import SendLeadMail
from libs.model.openai_connection import OpenAIConnection
from services.mailer.fakes import FakeTransport
from tests import pictures
from tests.contracts.houses import SHOP, HostedHouse, House, OwnHouse
from tests.golden.reading import read
from tests.hosted_provider import KEYS, FileHost, hosted_files
from tests.lead_to_mail import PUBLIC_URL, deliver
from tests.openai_server import OpenAIServer, openai_server
from tests.security.url_tricks import GOOD
from tests.transcripts import BEGAN, STEP_SECONDS, Json, Transcript, load, names
from tests.unit.lead.world import THREAD, VISITOR, World

pytestmark = pytest.mark.slow

LINKS_AND_IDS = re.compile(
    rf"{PUBLIC_URL}/[^\s\"]+|<lead\.[0-9a-f]+@|[0-9a-f]{{24}}@photo\.handoff|=_[0-9a-f]{{32}}"
)
PICTURES = {
    "seat 1.jpg": pictures.encoded("image/jpeg", pictures.scene(640, 400)),
    "seat 2.jpg": pictures.encoded("image/jpeg", pictures.scene(640, 400).rotate(90, expand=True)),
    "seat 3.jpg": pictures.encoded("image/jpeg", pictures.scene(800, 500)),
}
"""The third shows what the first does: it belongs on the contact sheet."""

Part = tuple[list[tuple[str, str | bytes]], str | bytes]


@dataclass(frozen=True)
class WithoutTheirLink(HostedConversations):
    """OpenAI's own page of a conversation is a link that ours cannot have."""

    async def read(self, shop: str, thread_id: str) -> Conversation | None:
        found = await super().read(shop, thread_id)
        assert found
        assert found.logs_url
        return replace(found, logs_url="")


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIServer]:
    with openai_server() as running:
        yield running


@pytest.mark.parametrize("name", names())
async def test_record_and_mail_do_not_tell_who_hosted_the_conversation(
    openai: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    transcript = load(name)
    connection, store = OpenAIConnection("sk-test", openai.url), MemoryChatStore()
    hosted = HostedHouse(WithoutTheirLink(connection), openai)

    own = OwnHouse(OwnConversations(store), store)

    async with _file_host(tmp_path, monkeypatch) as files:
        their_record, their_mails = await _ending(hosted, _at_openai(transcript), files)
    async with _file_host(tmp_path, monkeypatch) as files:
        await _upload(transcript, files)
        our_record, our_mails = await _ending(own, transcript, files)
    await connection.aclose()

    assert their_record == our_record
    assert their_mails == our_mails
    sent = transcript.expect["kind"] in {"full", "partial"}
    assert (our_record["state"] == State.SENT, len(our_mails)) == (sent, int(sent))


def _file_host(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AbstractAsyncContextManager[FileHost]:
    return hosted_files(folder, MemoryBlobs(), monkeypatch, _picture)


async def _picture(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=PICTURES[request.path[1:]], content_type="image/jpeg")


def _at_openai(transcript: Transcript) -> Transcript:
    """With the ids and addresses that files have there."""
    turns = json.loads(json.dumps(transcript.turns))
    for photo in _photos(turns):
        photo["id"] = photo["id"].replace("att_", "cfile_")
        photo["preview_url"] = f"https://{GOOD}/{quote(photo['name'])}"
    return replace(transcript, turns=tuple(turns))


async def _upload(transcript: Transcript, files: FileHost) -> None:
    """As a browser does in our own chat: announced, then sent to a signed address."""
    for photo in _photos(transcript.turns):
        announced = StoredAttachment(
            id=photo["id"], shop=SHOP, visitor=VISITOR, name=photo["name"], created_at=1.0
        )
        await files.blobs.put(record_key(announced.id), encode(announced), content_type="")
        link = upload_link(KEYS, files.files.attachments_url, announced.id, 2**31)
        async with files.files.attachments.put(link, data=PICTURES[announced.name]) as answer:
            assert answer.status == 200


def _photos(turns: Iterable[Json]) -> list[Json]:
    return [photo for turn in turns for photo in turn.get("photos", ())]


async def _ending(
    house: House, transcript: Transcript, files: FileHost
) -> tuple[Json, list[list[Part]]]:
    """Record and mails once a day of punctual timers has passed."""
    await house.keep(THREAD, VISITOR, transcript)
    world = World(source=house.source, hosted=files.files, blobs=files.blobs)
    world.clock.at = float(BEGAN + len(transcript.turns) * STEP_SECONDS)
    provider = FakeTransport(world.clock)
    for seconds in (301, 7200, DAY_SECONDS):
        world.wait(seconds)
        answer = await world.consider("quiet")
        if isinstance(answer, SendLeadMail):
            await deliver(world, answer, provider)
            break
    return _without_ids(world.record), [_parts(mail.body) for mail in provider.accepted]


def _without_ids(record: LeadRecord | None) -> Json:
    shown: Json = msgspec.to_builtins(record)
    for name in ("lid", "last_item_id", "snapshot", "content_hash"):
        shown.pop(name, None)
    return shown


def _parts(body: bytes) -> list[Part]:
    """Headers and content of every part, ids and links aside."""
    return [
        (
            [(name, _masked(str(value))) for name, value in part.items()],
            "" if part.is_multipart() else _masked(part.get_content()),
        )
        for part in cast("Iterator[EmailMessage]", read(body).walk())
    ]


def _masked(content: str | bytes) -> str | bytes:
    return content if isinstance(content, bytes) else LINKS_AND_IDS.sub("#", content)
