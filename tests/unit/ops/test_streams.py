"""What an operator sees of the streams, and does to them and to what is parked."""

from __future__ import annotations

import json

import pytest

from libs.errors import SettingsError
from libs.messages.mail import SendLeadMail
from libs.messages.streams import LEAD_CONSIDER, MAIL_SEND
from libs.streams.broker import DeadLetter
from libs.streams.envelope import seal
from libs.streams.streams import Streams
from ops import streams as on_streams
from tests.clock import HandClock
from tests.unit.ops.desks import THREAD, in_memory, read_by_all

WISH = SendLeadMail(
    shop="nobody", thread_id=THREAD, snapshot="", last_item_id="", kind="full", reason="idle"
)


async def park(streams: Streams, body: bytes, reason: str = "broken") -> str:
    lane = "mail.send:0"
    await streams.broker.prepare(lane)
    await streams.broker.add(lane, body)
    [entry] = await streams.broker.read(lane, "r", count=1, wait_seconds=0)
    await streams.broker.park(lane, [DeadLetter("", entry.id, reason, 3, entry.body)])
    return f"mail.send/{(await streams.oversight.dead(MAIL_SEND))[-1].id}"


class TestDead:
    async def test_nothing_parked_is_well(self) -> None:
        shown = await on_streams.dead_list(in_memory().oversight)

        assert (shown.code, shown.data) == (0, [])

    async def test_each_is_listed_with_its_reason(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH), "no shop has this name")

        shown = await on_streams.dead_list(streams.oversight)
        elsewhere = await on_streams.dead_list(streams.oversight, "lead.consider")

        assert shown.code == 1
        assert isinstance(shown.data, list)
        assert shown.data[0]["id"] == dead
        assert shown.data[0]["reason"] == "no shop has this name"
        assert elsewhere.code == 0

    async def test_all_are_listed_however_many(self) -> None:
        streams = in_memory()
        parked = {await park(streams, seal(WISH)) for _ in range(250)}

        shown = await on_streams.dead_list(streams.oversight)

        assert isinstance(shown.data, list)
        assert {each["id"] for each in shown.data} >= parked
        assert len(shown.data) == 250

    async def test_one_is_shown_with_its_message(self) -> None:
        streams = in_memory()
        readable = await park(streams, seal(WISH))
        garbage = await park(streams, b"\x00garbage")

        first = await on_streams.dead_show(streams.oversight, readable)
        second = await on_streams.dead_show(streams.oversight, garbage)

        assert THREAD in json.dumps(first.data)
        assert "garbage" in json.dumps(second.data)

    async def test_retried_is_in_its_stream_again(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH))

        shown = await on_streams.dead_retry(streams.oversight, dead)
        again = await on_streams.dead_retry(streams.oversight, dead)

        assert (shown.code, again.code) == (0, 3)
        [lane] = await streams.oversight.stats(MAIL_SEND)
        assert (lane.unread, lane.dead) == (1, 0)

    @pytest.mark.parametrize("body", [b"\x00garbage", b'"\xff"'])
    async def test_what_cannot_be_read_cannot_be_retried_only_dropped(self, body: bytes) -> None:
        streams = in_memory()
        dead = await park(streams, body)

        shown = await on_streams.dead_show(streams.oversight, dead)
        retried = await on_streams.dead_retry(streams.oversight, dead)
        dropped = await on_streams.dead_drop(streams.oversight, dead)
        gone = await on_streams.dead_show(streams.oversight, dead)

        assert (shown.code, retried.code, dropped.code, gone.code) == (0, 1, 0, 3)
        assert repr(body) in "\n".join(shown.lines)
        assert f"handoff dead drop {dead}" in str(retried.lines)

    async def test_two_streams_that_parked_at_one_moment_are_told_apart(self) -> None:
        streams = in_memory()
        dead = await park(streams, seal(WISH))

        other = await on_streams.dead_drop(
            streams.oversight, dead.replace("mail.send", "lead.consider")
        )

        assert other.code == 3
        assert (await on_streams.dead_show(streams.oversight, dead)).code == 0

    async def test_an_id_without_its_stream_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="dead list"):
            await on_streams.dead_drop(in_memory().oversight, "1-0")

    async def test_a_stream_that_is_not_there_is_named_with_those_that_are(self) -> None:
        with pytest.raises(SettingsError, match=r"lead\.consider"):
            await on_streams.dead_list(in_memory().oversight, "mail.sent")


class TestStreams:
    """Exit code 0 says that whatever arrives is being worked on."""

    async def test_whose_readers_live_are_well(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await read_by_all(streams)
        await streams.broker.add("mail.send:0", b"x")

        soon = await on_streams.overview(streams.oversight, clock.now() + 59)

        assert (soon.code, len(soon.lines)) == (0, 1)

    async def test_an_entry_that_waits_over_a_minute_needs_somebody(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await streams.broker.add("mail.send:0", b"x")
        clock.at += 61
        await read_by_all(streams)

        shown = await on_streams.overview(streams.oversight, clock.now())

        assert shown.code == 1
        assert "The oldest entry of mail.send waits 61 s: what does mailer log?" in shown.lines

    @pytest.mark.parametrize(("renewed", "code"), [(True, 0), (False, 1)])
    async def test_what_is_worked_on_for_long_is_no_trouble_while_its_reader_lives(
        self,
        renewed: bool,  # noqa: FBT001 - a column
        code: int,
    ) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        lane = "chat.request:0"
        await streams.broker.prepare(lane)
        await streams.broker.add(lane, b"x")
        [entry] = await streams.broker.read(lane, "one", count=1, wait_seconds=0)
        clock.at += 200
        if renewed:
            await streams.broker.renew(lane, "one", [entry.id])
        await read_by_all(streams)

        assert (await on_streams.overview(streams.oversight, clock.now())).code == code

    @pytest.mark.parametrize("silent_seconds", [None, 31])
    async def test_that_nobody_reads_are_named_with_their_service(
        self, silent_seconds: float | None
    ) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        if silent_seconds:
            await read_by_all(streams)
            clock.at += silent_seconds

        shown = await on_streams.overview(streams.oversight, clock.now())

        assert shown.code == 1
        assert "Nobody reads mail.send: is mailer up?" in shown.lines

    async def test_pause_and_resume_show(self) -> None:
        clock = HandClock()
        streams = in_memory(clock)
        await read_by_all(streams)

        await on_streams.pause(streams.oversight, LEAD_CONSIDER.name)
        paused = await on_streams.overview(streams.oversight, clock.now())
        await on_streams.resume(streams.oversight, LEAD_CONSIDER.name)
        resumed = await on_streams.overview(streams.oversight, clock.now())

        assert paused.lines[1:] == ["lead.consider is paused: `handoff resume lead.consider`."]
        assert (paused.code, resumed.code) == (1, 0)

    async def test_a_dead_letter_needs_somebody(self) -> None:
        streams = in_memory()
        await park(streams, seal(WISH))
        await read_by_all(streams)

        shown = await on_streams.overview(streams.oversight, 0)

        assert shown.code == 1
        assert shown.lines[1:] == ["Dead letters: `handoff dead list` says why."]
