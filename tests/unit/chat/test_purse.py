"""What answers may cost: a visitor and a thread of one shop, and everybody together."""

from __future__ import annotations

import io
import json

import pytest

from libs.conversations.store import Owner
from libs.limits.fakes import MemoryLimits
from libs.runtime.log import Log
from libs.runtime.settings import Rate
from services.chat.adapters.purse import LimitedPurse
from services.chat.settings import ChatSettings
from services.lead.fakes import ScriptedModel
from tests.clock import HandClock
from tests.unit.lead import world as lead


def purse_of(clock: HandClock, out: io.StringIO | None = None, **limits: Rate) -> LimitedPurse:
    off = Rate(0, 1)
    given = {
        "limit_answers_per_visitor": off, "limit_answers_per_thread": off,
        "limit_model_calls_per_day": off, "limit_model_calls_per_minute": off,
    }  # fmt: skip
    log = Log("chat", out=out or io.StringIO())
    return LimitedPurse(MemoryLimits(clock), ChatSettings(**{**given, **limits}), log)


@pytest.mark.parametrize(
    ("limit", "mine", "theirs"),
    [
        ("limit_answers_per_visitor", ("v_ana", "cthr_2"), ("v_ben", "cthr_1")),
        ("limit_answers_per_thread", ("v_ana", "cthr_1"), ("v_ana", "cthr_2")),
    ],
)
async def test_a_cap_holds_for_whom_it_is_meant(
    limit: str, mine: tuple[str, str], theirs: tuple[str, str]
) -> None:
    clock = HandClock()
    purse = purse_of(clock, **{limit: Rate(2, 86400)})
    ana = Owner("craigs", "v_ana")

    assert [await purse.spend(ana, "cthr_1") for _ in range(2)] == [True, True]
    assert not await purse.spend(Owner("craigs", mine[0]), mine[1])
    assert await purse.spend(Owner("craigs", theirs[0]), theirs[1])
    assert await purse.spend(Owner("elsewhere", mine[0]), mine[1])
    clock.at += 86400
    assert await purse.spend(ana, "cthr_1")


@pytest.mark.parametrize("limit", ["limit_model_calls_per_day", "limit_model_calls_per_minute"])
async def test_a_cap_over_all_holds_for_everybody_in_every_shop(limit: str) -> None:
    out = io.StringIO()
    purse = purse_of(HandClock(), out, **{limit: Rate(2, 60)})
    spent = [await purse.spend(Owner(f"shop-{n}", f"v_{n}"), f"cthr_{n}") for n in range(3)]

    assert spent == [True, True, False]
    line = json.loads(out.getvalue())
    assert (line["event"], line["endpoint"]) == ("rate_limit_exceeded", "chat")
    assert 0 < line["retry_after"] <= 60


@pytest.mark.parametrize("answers", [0, 1, 2])
async def test_answers_and_summaries_of_models_are_one_count(answers: int) -> None:
    world = lead.World(ScriptedModel(), most_model_calls=2)
    settings = ChatSettings(limit_model_calls_per_minute=Rate(2, 60))
    purse = LimitedPurse(world.limits, settings, world.log)
    world.say(lead.READY_WORDS)
    world.wait(301)

    for number in range(answers):
        assert await purse.spend(Owner("elsewhere", f"v_{number}"), f"cthr_{number}")
    mail = await world.sends()

    assert (world.snapshot(mail).summary.source == "model") == (answers < 2)
    left = [await purse.spend(Owner("a-third", "v_9"), "cthr_9") for _ in range(2)]
    assert left.count(True) == max(0, 1 - answers)
