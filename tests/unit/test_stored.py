"""What an earlier release stored is read by this one, and what this one stores by an earlier one.

A sample holds every field that its kind had when it was made. It is never changed: a new field
comes with a default, an old one goes on being written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import pytest

from libs.attachments.records import StoredAttachment
from libs.conversations.store import AttachmentRow, ItemRow, ThreadRow, TurnRow
from libs.identity.sessions import _Payload
from libs.leads.attribution import Told
from libs.leads.message_links import MessageLink
from libs.leads.second_sender import SecondSender
from libs.leads.snapshot import LeadSnapshot, Signal, Summary
from libs.ledger.record import LeadRecord, Watch

STORED = Path(__file__).parents[1] / "stored"
KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "attachment": StoredAttachment,
    "item": ItemRow,
    "lead": LeadRecord,
    "link": MessageLink,
    "second_sender": SecondSender,
    "session": _Payload,
    "signal": Signal,
    "snapshot": LeadSnapshot,
    "summary": Summary,
    "thread": ThreadRow,
    "thread_attachment": AttachmentRow,
    "touch": Told,
    "turn": TurnRow,
    "watch": Watch,
}

SAMPLES: Final = sorted(path.stem for path in STORED.glob("*.json"))
"""A kind, or after a dot what is new in it."""

GIVEN_UP: Final = {"item": ["/feedback"]}
"""Fields that no release ever read: written no more; an older one has a default for them."""


def lost(old: object, new: object, place: str = "") -> list[str]:
    """Where a value of `old` is not in `new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [at for name in old for at in lost(old[name], new.get(name), f"{place}/{name}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) <= len(new):
        return [at for n, each in enumerate(old) for at in lost(each, new[n], f"{place}/{n}")]
    return [] if old == new else [place]


def test_every_kind_has_a_sample() -> None:
    assert {_kind(name) for name in SAMPLES} == KINDS.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_what_an_earlier_release_stored_is_read_and_loses_nothing(name: str) -> None:
    body = (STORED / f"{name}.json").read_bytes()

    again = msgspec.json.encode(msgspec.json.decode(body, type=KINDS[_kind(name)]))

    assert lost(msgspec.json.decode(body), msgspec.json.decode(again)) == GIVEN_UP.get(name, [])


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "session"])
def test_what_a_later_release_stored_is_read(name: str) -> None:
    body = msgspec.json.decode((STORED / f"{name}.json").read_bytes())

    read = msgspec.convert(body | {"from_2030": 1}, KINDS[_kind(name)])

    assert read == msgspec.convert(body, KINDS[_kind(name)])


def _kind(sample: str) -> str:
    return sample.partition(".")[0]
