"""Golden mails: conversations as snapshots, and the very bytes that the shop gets for them.

A golden mail changes only by `python -m tests.golden`, and then its difference is read like code.
A snapshot is what the lead service would fix: `as_lead_fixes_it` makes it anew from its lines, and
for a model's summary from a model that says just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from libs.blobs.fakes import MemoryBlobs
from libs.conversations.port import Attachment, Conversation, Item
from libs.leads.snapshot import LeadSnapshot, Line, Photo, Summary, decode_snapshot
from libs.shops.profile import ShopProfile, load_shops
from services.lead.contact.extract import contacts
from services.lead.ports import Draft, Evidence
from services.lead.summary import facts, rules
from services.lead.summary.checked import checked
from services.lead.transcript import Subject, for_model
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.shape import Rung
from services.mailer.ports import Variant

HERE: Final = Path(__file__).parent
_CRAIGS: Final = load_shops(HERE.parent.parent / "deploy" / "shops")
_MORALES: Final = replace(
    _CRAIGS.default,
    slug="morales",
    default=False,
    name="Tapicería Morales",
    phone="+14085550163",
    address="1480 Alum Rock Ave, San José, CA 95116",
    recipients=("clientes@tapiceriamorales.example",),
    sender="Tapicería Morales <chat@tapiceriamorales.example>",
    origins=("https://tapiceriamorales.example",),
    email_domains=("tapiceriamorales.example",),
    assistant="Lucía",
    languages=("es", "en"),
    call_script=(
        "Agradezca que nos haya escrito y confirme de qué vehículo u objeto se trata.",
        "Pregunte qué es lo que más le molesta ahora, y si ya tiene pensado un material.",
        "Ofrezca una hora para traerlo, o pida fotos por mensaje.",
    ),
    colour="#1f5f4a",
    logs_url="",
)
"""A shop that reads Spanish."""
SHOPS: Final = replace(_CRAIGS, by_slug={**_CRAIGS.by_slug, "morales": _MORALES})
PUBLIC_URL: Final = "https://chat.craigs.autos"
KEY: Final = "golden-key-golden-key-golden-key-golden"


class Case(msgspec.Struct, frozen=True):
    name: str
    snapshot: str
    attempt: int = 1
    possible_copy: bool = False
    rung: Rung = Rung.FULL

    @property
    def path(self) -> Path:
        return HERE / "mails" / f"{self.name}.eml"


def _plainly(*names: str) -> list[Case]:
    return [Case(name, name) for name in names]


CASES: Final = (
    *_plainly(
        "english_photos", "spanish_photos", "spanish_shop", "chinese", "arabic_doubtful_email",
        "vietnamese", "partial_email_only", "model_down", "long_chat", "long_names",
        "failed_photo", "twelve_photos", "hostile", "phone_only", "two_phones", "arabic_phone",
    ),
    Case("possible_copy", "possible_copy", attempt=2, possible_copy=True),
    Case("spanish_shop_partial", "spanish_shop_partial", attempt=2, possible_copy=True),
    Case("spanish_shop_without_summary", "spanish_shop_partial", rung=Rung.WITHOUT_SUMMARY),
    Case("spanish_shop_plain", "spanish_shop_partial", rung=Rung.PLAIN),
    Case("without_attachments", "english_photos", rung=Rung.WITHOUT_ATTACHMENTS),
    Case("long_chat_without_attachments", "long_chat", rung=Rung.WITHOUT_ATTACHMENTS),
    Case("without_summary", "english_photos", rung=Rung.WITHOUT_SUMMARY),
    Case("plain", "english_photos", rung=Rung.PLAIN),
)  # fmt: skip
WITH_HTML: Final = tuple(case for case in CASES if case.rung is not Rung.PLAIN)


def snapshot_path(name: str) -> Path:
    return HERE / "snapshots" / f"{name}.json"


def read_snapshot(name: str) -> LeadSnapshot:
    return decode_snapshot(snapshot_path(name).read_bytes())


def profile_of(snapshot: LeadSnapshot) -> ShopProfile:
    return SHOPS.by_slug[snapshot.shop]


def as_lead_fixes_it(snapshot: LeadSnapshot) -> LeadSnapshot:
    """With the contacts that are found in its lines, and only as much as these bear out."""
    profile, lines = profile_of(snapshot), snapshot.lines
    conversation = Conversation(
        thread_id=snapshot.thread_id,
        visitor=snapshot.visitor,
        title=snapshot.title,
        items=tuple(_item(line, snapshot.photos) for line in lines),
    )
    subject = Subject(
        conversation=conversation, lines=lines, contacts=contacts(lines, profile), profile=profile
    )
    summary = rules.summarize(facts.find(lines, profile), subject)
    if snapshot.summary.source == "model":
        draft = _draft(snapshot.summary, len(lines))
        summary, _ = checked(draft, for_model(lines), subject, summary)
    return replace(
        snapshot,
        kind="full" if summary.handoff_ready else "partial",
        last_item_id=lines[-1].item_id,
        contacts=subject.contacts,
        summary=summary,
    )


def _item(line: Line, photos: Sequence[Photo]) -> Item:
    sent = {one.id: Attachment(id=one.id, name=one.name, mime_type=one.mime_type) for one in photos}
    return Item(
        id=line.item_id,
        speaker=line.speaker,
        text=line.text,
        at=line.at,
        attachments=tuple(sent[id_] for id_ in line.attachments),
    )


def _draft(said: Summary, lines: int) -> Draft:
    """A model that says this, and rests it on every line."""
    every = dict.fromkeys(Evidence.__struct_fields__, tuple(range(1, lines + 1)))
    fields = {name: getattr(said, name) for name in Draft.__struct_fields__ if name != "evidence"}
    return Draft(**fields, evidence=Evidence(**every))


async def compose(case: Case) -> bytes:
    snapshot = read_snapshot(case.snapshot)
    blobs = MemoryBlobs()
    await _stock(blobs, snapshot.photos)
    builder = MailBuilder(BlobPhotoShelf(blobs), PUBLIC_URL, (KEY,), SHOPS.by_slug)
    key = f"snapshots/{snapshot.shop}/{snapshot.thread_id}/golden.json"
    variant = Variant(case.attempt, case.possible_copy, case.rung, key)
    return (await builder.compose(snapshot, variant)).body


async def _stock(blobs: MemoryBlobs, photos: Sequence[Photo]) -> None:
    for photo in photos:
        number = int(photo.id.removeprefix("att_"))
        if photo.mime_type == "application/pdf":
            await blobs.put(photo.blob_key, b"%PDF-1.4\n%%EOF\n", content_type=photo.mime_type)
        elif not photo.failed:
            jpeg = (HERE / "photos" / f"{number}.jpg").read_bytes()
            for side in ("1200", "320"):
                key = f"renditions/{photo.id}/{side}.jpg"
                await blobs.put(key, jpeg, content_type="image/jpeg")
