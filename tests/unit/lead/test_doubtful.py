"""Who can be reached in a doubtful way only is a lead all the same; its mail tells the doubt."""

from __future__ import annotations

import pytest

from libs.blobs.fakes import MemoryBlobs
from services.mailer.letter.build import MailBuilder
from services.mailer.letter.photos import BlobPhotoShelf
from services.mailer.letter.shape import Rung
from services.mailer.ports import Variant
from tests.golden import KEY, PUBLIC_URL
from tests.golden.reading import read, relinked, text_of
from tests.unit.lead.world import SHOPS, World

ASKED = "What is the best phone number or email to reach you?"
TORN = "The driver seat of my 2016 Honda Civic is torn."


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ("408 155 0117", "not a number that we know in US"),
        ("0917 123 4567", "not a number that we know in US"),
        ("Don't text 408-555-0117, it's a landline.", "the customer may not want it used"),
        ("send me an invoice 4085550117", "it may be the number of something else"),
        ("the dealer has it, 408-555-0117", "it may be somebody else's"),
        ("555-0117", "no area code; 408 assumed"),
        ("bob@gmailcom", "written as bob@gmailcom"),
        ("my email is bob gmail.com", "written as bob gmail.com"),
    ],
)
async def test_doubtful_contact_is_one_mail_that_tells_the_doubt(said: str, doubt: str) -> None:
    world = World()
    world.say(TORN)
    world.say(ASKED, speaker="assistant")
    world.say(said)
    world.wait(7200)

    snapshot = world.snapshot(await world.sends("quiet"))

    builder = MailBuilder(BlobPhotoShelf(MemoryBlobs()), PUBLIC_URL, (KEY,), SHOPS.by_slug)
    made = await builder.compose(snapshot, Variant(1, False, Rung.FULL, "snapshots/x.json"))
    mail = read(made.body)
    assert mail["Reply-To"] is None
    assert doubt in " ".join(relinked(text_of(mail)).split())
