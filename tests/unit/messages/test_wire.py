"""Every version of every message that was ever on a stream still decodes, for ever."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest

from libs.messages.base import Message
from libs.messages.streams import STREAM_OF, STREAMS, Reply

WIRE = Path(__file__).parents[2] / "wire"
MESSAGES = (*(stream.message for stream in STREAMS), *typing.get_args(Reply))
SAMPLES = sorted(WIRE.glob("*.json"))


def _tag(message: type[Message]) -> str:
    return str(message.__struct_config__.tag)


@pytest.mark.parametrize("message", MESSAGES, ids=_tag)
def test_every_message_has_a_sample(message: type[Message]) -> None:
    assert (WIRE / f"{_tag(message)}.json").exists()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_decodes_and_encodes_to_the_same_bytes(sample: Path) -> None:
    kind = next(m for m in MESSAGES if sample.stem.startswith(_tag(m)))
    body = sample.read_bytes().strip()

    message = msgspec.json.decode(body, type=kind)

    assert msgspec.json.encode(message) == body


@pytest.mark.parametrize("message", MESSAGES, ids=_tag)
def test_a_field_from_the_future_is_ignored(message: type[Message]) -> None:
    body = msgspec.json.decode((WIRE / f"{_tag(message)}.json").read_bytes())

    decoded = msgspec.json.decode(msgspec.json.encode(body | {"from_2030": 1}), type=message)

    assert decoded == msgspec.convert(body, message)


@pytest.mark.parametrize("message", MESSAGES, ids=_tag)
def test_messages_are_frozen_and_versioned(message: type[Message]) -> None:
    assert message.__struct_config__.frozen
    assert _tag(message).rpartition(".")[2].startswith("v")


def test_the_map_names_each_stream_and_message_once() -> None:
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)
    assert len(STREAM_OF) == len(STREAMS)
