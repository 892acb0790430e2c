"""From the wish to a mail: the mailer's own handlers on the stores of a lead `World`."""

from __future__ import annotations

from dataclasses import replace

from libs.ledger.record import LeadRecord
from libs.messages.mail import SendLeadMail
from libs.streams.port import Delivery
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.ports import MailTransport
from tests.clock import HandClock
from tests.unit.lead.world import SHOPS, World
from tests.unit.mailer.parts import Mailroom

PUBLIC_URL = "https://chat.example"
KEYS = ("k" * 40,)


async def deliver(world: World, wish: SendLeadMail, transport: MailTransport) -> LeadRecord:
    """What became of the lead once the mailer has had its wish."""
    builder = MailBuilder(
        shelf=BlobPhotoShelf(world.blobs), public_url=PUBLIC_URL, keys=KEYS, shops=SHOPS.by_slug,
    )  # fmt: skip
    room = Mailroom(
        clock=HandClock(world.clock.at), records=world.records, blobs=world.blobs,
        compose=builder.compose,
    )  # fmt: skip
    room.transport = transport
    handlers = replace(room.handlers(), conversations=world.handlers.conversations)
    await handlers.send(Delivery(message=wish, entry_id=wish.lease))
    assert world.record
    return world.record
