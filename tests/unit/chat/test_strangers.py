"""Whoever does not own a thread learns nothing of it and changes nothing, whatever they ask."""

from __future__ import annotations

import copy
import json
import typing
from typing import Any

from libs.conversations.fakes import MemoryChatStore
from services.chat.adapters.sdk import types as sdk
from services.chat.ports import PhoneField
from tests.unit.chat.world import Answer, Json, Scripted, World, add, answer_field, create, retry


class Anas:
    """A thread that Ana owns, with one of everything in it."""

    def __init__(self, world: World, answer: Answer, attachment_id: str) -> None:
        self.world = world
        self.thread = answer.thread_id
        self.message = answer.items[0]["id"]
        self.field = answer.items[-1]["id"]
        self.attachment = attachment_id

    @classmethod
    async def made(cls) -> Anas:
        world = World(Scripted(("Hello Ana", PhoneField("Number?"))))
        file = {"name": "seat.jpg", "size": 1000, "mime_type": "image/jpeg"}
        announced = await world.ask({"type": "attachments.create", "params": file})
        assert announced.json
        return cls(world, await world.ask(create("SECRET seat")), announced.json["id"])

    def requests(self) -> dict[str, Json]:
        """Every request type that names something of hers."""
        thread = {"thread_id": self.thread}
        action = {"action": {"type": "x", "payload": {}}, "item_id": self.field}
        return {
            "threads.get_by_id": thread,
            "threads.update": {**thread, "title": "mine now"},
            "threads.delete": thread,
            "threads.add_user_message": add(self.thread, "hi")["params"],
            "threads.add_client_tool_output": {**thread, "result": {"ok": True}},
            "threads.add_structured_input": answer_field(self.thread, self.field, "1")["params"],
            "threads.retry_after_item": retry(self.thread, self.message)["params"],
            "threads.custom_action": {**thread, **action},
            "threads.sync_custom_action": {**thread, **action},
            "items.list": thread,
            "items.feedback": {**thread, "item_ids": [self.message], "kind": "positive"},
            "attachments.delete": {"attachment_id": self.attachment},
            "threads.create": create("look", self.attachment)["params"],
        }

    def unnamed(self) -> dict[str, Json]:
        """The rest: they can name nothing of hers."""
        return {
            "threads.list": {},
            "attachments.create": {"name": "a.jpg", "size": 9, "mime_type": "image/jpeg"},
            "input.transcribe": {"audio_base64": "AAAA", "mime_type": "audio/webm"},
        }

    def kept(self) -> dict[str, Any]:
        assert isinstance(self.world.kept, MemoryChatStore)
        kept = copy.deepcopy(vars(self.world.kept))
        return {name: rows for name, rows in kept.items() if name != "_turns"}


async def test_every_request_type_of_the_protocol_is_tried() -> None:
    """A new one of the SDK fails here until somebody has thought of it."""
    anas = await Anas.made()
    streaming, whole = (typing.get_args(each) for each in (sdk.StreamingReq, sdk.NonStreamingReq))
    kinds = {request.model_fields["type"].default for request in (*streaming, *whole)}

    assert kinds == {*anas.requests(), *anas.unnamed()}


async def test_a_stranger_is_refused_by_every_request_type() -> None:
    anas = await Anas.made()
    before = anas.kept()

    for kind, params in anas.requests().items():
        answer = await anas.world.ask({"type": kind, "params": params}, visitor="v_mal")
        assert answer.refused, kind
        assert answer.refused.status == (400 if kind == "threads.sync_custom_action" else 404), kind
        assert "SECRET" not in answer.refused.detail

    assert anas.kept() == before
    assert len(anas.world.publisher.published) == 1


async def test_another_shops_visitor_of_the_same_name_is_a_stranger() -> None:
    anas = await Anas.made()
    shops = anas.world.chat.shops.by_slug
    shops["other"] = shops["craigs"]  # type: ignore[index]
    try:
        for kind, params in anas.requests().items():
            answer = await anas.world.ask({"type": kind, "params": params}, shop="other")
            assert answer.refused, kind
    finally:
        del shops["other"]  # type: ignore[attr-defined]


async def test_a_strangers_list_is_empty() -> None:
    anas = await Anas.made()
    answer = await anas.world.ask({"type": "threads.list", "params": {}}, visitor="v_mallory")

    assert answer.json == {"data": [], "has_more": False}


async def test_the_owner_may_do_what_strangers_may_not() -> None:
    """Or the tests above would prove nothing."""
    anas = await Anas.made()
    allowed = {k: v for k, v in anas.requests().items() if "action" not in k and "tool" not in k}
    last = ("threads.add_user_message", "attachments.delete", "threads.delete")
    order = sorted(allowed, key=lambda kind: (kind in last, kind == "threads.delete"))

    for kind in order:
        answer = await anas.world.ask({"type": kind, "params": allowed[kind]})
        assert not answer.refused, (kind, answer.refused)


async def test_a_shop_that_is_not_served_is_refused() -> None:
    refused = (await World().ask(create("Hi"), shop="nowhere")).refused

    assert refused
    assert refused.status == 403


async def test_a_request_without_a_visitor_is_refused() -> None:
    refused = (await World().ask(create("Hi"), visitor="")).refused

    assert refused
    assert refused.status == 401


async def test_item_ids_of_one_thread_do_not_open_another() -> None:
    anas = await Anas.made()
    other = await anas.world.ask(create("mine"), visitor="v_mallory")

    body = retry(other.thread_id, anas.message)
    answer = await anas.world.ask(body, visitor="v_mallory")

    assert answer.refused
    assert "SECRET" not in json.dumps(answer.events)
