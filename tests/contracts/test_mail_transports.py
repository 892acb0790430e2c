"""What every transport promises, real or fake: once, byte for byte, and never a wrong "no"."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.runtime.clock import SystemClock
from services.mailer.adapters.outbox import OutboxTransport
from services.mailer.ports import (
    LAUNCH_SECONDS,
    Accepted,
    Mail,
    NotPrepared,
    Outcome,
    Refused,
    Unknown,
    made,
)
from tests.contracts.opensmtpd import LARGEST_BYTES, OpenSmtpd, opensmtpd, opensmtpd_office
from tests.contracts.post_offices import (
    SENDER,
    FakeOffice,
    OutboxOffice,
    PostOffice,
    ses_office,
    smtp_office,
)

BODY = (
    b"From: Shop <leads@shop.example>\r\nTo: owner@shop.example\r\nSubject: New chat lead\r\n"
    b"Date: Fri, 20 Nov 2026 18:00:00 +0000\r\nMessage-ID: <one@handoff>\r\n\r\n"
    b".one leading dot\r\n..two\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
)


def a_mail(attempt: int = 1, lid: str = "lid-1", body: bytes = BODY) -> Mail:
    return Mail(
        shop="craigs",
        thread_id="cthr_one",
        attempt=attempt,
        lid=lid,
        sender=SENDER,
        recipients=("owner@shop.example",),
        body=body,
    )


async def posted(office: PostOffice, mail: Mail) -> Outcome:
    """Prepare and send, as the handler does; a refusal at the door is an outcome too."""
    try:
        async with office.transport.prepare(made(mail)) as ready:
            return await ready.send()
    except NotPrepared as door:
        return door.refused


async def _no_mail() -> Mail:
    raise RuntimeError("no mail")


class ArrivalContract:
    @pytest.fixture
    async def office(self) -> PostOffice:
        raise NotImplementedError

    async def test_a_mail_arrives_once_and_byte_for_byte(self, office: PostOffice) -> None:
        outcome = await posted(office, a_mail())

        assert isinstance(outcome, Accepted)
        assert office.arrived() == [BODY]

    async def test_a_mail_of_many_megabytes_arrives_whole(self, office: PostOffice) -> None:
        body = BODY + (b"A" * 76 + b"\r\n") * 80_000

        outcome = await posted(office, a_mail(body=body))

        assert isinstance(outcome, Accepted)
        assert office.arrived() == [body]

    async def test_nothing_leaves_that_was_only_prepared(self, office: PostOffice) -> None:
        async with office.transport.prepare(made(a_mail())):
            pass

        assert office.arrived() == []

    async def test_nothing_leaves_when_arming_fails(self, office: PostOffice) -> None:
        async def prepare_and_fail() -> None:
            async with office.transport.prepare(made(a_mail())):
                raise RuntimeError("not armed")

        with pytest.raises(RuntimeError, match="not armed"):
            await prepare_and_fail()

        assert office.arrived() == []

    async def test_a_mail_that_cannot_be_made_says_so_and_nothing_leaves(
        self, office: PostOffice
    ) -> None:
        making = asyncio.ensure_future(_no_mail())

        with pytest.raises(RuntimeError, match="no mail"):
            async with office.transport.prepare(making):
                pass

        assert office.arrived() == []

    async def test_preparing_the_same_attempt_twice_sends_what_was_armed(
        self, office: PostOffice
    ) -> None:
        async with office.transport.prepare(made(a_mail(lid="winner"))) as ready:
            async with office.transport.prepare(made(a_mail(lid="loser"))):
                pass
            outcome = await ready.send()

        assert isinstance(outcome, Accepted)
        assert len(office.arrived()) == 1

    async def test_a_provider_that_is_not_there_is_a_definite_no(self, office: PostOffice) -> None:
        await office.vanish()

        outcome = await posted(office, a_mail())

        assert isinstance(outcome, Refused)
        assert outcome.provider_wide

    async def test_a_fate_that_is_told_is_true(self, office: PostOffice) -> None:
        mail = a_mail()
        async with office.transport.prepare(made(mail)) as ready:
            before = await office.transport.fate(mail)
            late = await ready.send()
        after = await office.transport.fate(mail)

        if isinstance(before, Refused):
            assert isinstance(late, Refused)
        assert isinstance(after, type(late) | Unknown)
        assert len(office.arrived()) <= 1

    async def test_no_fence_is_shorter_than_a_launch(self, office: PostOffice) -> None:
        async with office.transport.prepare(made(a_mail())) as ready:
            assert ready.windows.fence_seconds >= LAUNCH_SECONDS
            assert ready.windows.evidence_seconds >= 0
            assert ready.transport == office.transport.name

    async def test_many_at_once_do_not_mix(self, office: PostOffice) -> None:
        bodies = [BODY + f"number {n}\r\n".encode() for n in range(8)]

        outcomes = await asyncio.gather(
            *(posted(office, a_mail(n, f"lid-{n}", body)) for n, body in enumerate(bodies))
        )

        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert sorted(office.arrived()) == sorted(bodies)


class TransportContract(ArrivalContract):
    """Of those whose provider refuses when it is told to."""

    async def test_a_refusal_of_this_mail_counts(self, office: PostOffice) -> None:
        async with office.transport.prepare(made(a_mail())) as ready:
            office.refuse_this()
            outcome = await ready.send()

        assert isinstance(outcome, Refused)
        assert not outcome.provider_wide
        assert office.arrived() == []

    async def test_a_refusal_of_everybody_says_so(self, office: PostOffice) -> None:
        office.refuse_everybody()

        outcome = await posted(office, a_mail())

        assert isinstance(outcome, Refused)
        assert outcome.provider_wide
        assert office.arrived() == []


class LossContract(ArrivalContract):
    """Of those whose answer may get lost on the way."""

    async def test_an_accepted_mail_whose_reply_is_lost_is_unknown(
        self, office: PostOffice
    ) -> None:
        office.lose_reply()

        outcome = await posted(office, a_mail())

        assert isinstance(outcome, Unknown)
        assert office.arrived() == [BODY]


class TestFake(TransportContract, LossContract):
    @pytest.fixture
    async def office(self) -> PostOffice:
        return FakeOffice()


class TestFakeWithIdempotencyKeys(TransportContract, LossContract):
    @pytest.fixture
    async def office(self) -> PostOffice:
        return FakeOffice(keyed=True)

    async def test_repeats_an_attempt_without_a_second_mail(self) -> None:
        office = FakeOffice(keyed=True)
        office.lose_reply()
        lost = await posted(office, a_mail())

        fate = await office.transport.fate(a_mail())

        assert isinstance(lost, Unknown)
        assert isinstance(fate, Accepted)
        assert len(office.arrived()) == 1


class TestOutbox(TransportContract):
    @pytest.fixture
    async def office(self, tmp_path: Path) -> PostOffice:
        return OutboxOffice(tmp_path)

    async def test_the_file_bears_the_name_of_the_attempt(self, tmp_path: Path) -> None:
        await posted(OutboxOffice(tmp_path), a_mail(attempt=3))

        assert (tmp_path / "outbox" / "craigs.cthr_one.3.eml").read_bytes() == BODY

    async def test_alerts_stand_apart(self, tmp_path: Path) -> None:
        office = OutboxOffice(tmp_path)

        await posted(office, replace(a_mail(), kind="alert"))

        assert office.arrived() == []
        assert (tmp_path / "outbox" / "alerts" / "craigs.cthr_one.1.eml").exists()

    async def test_a_sender_that_slept_cannot_send_what_was_given_up(self, tmp_path: Path) -> None:
        office = OutboxOffice(tmp_path)
        async with office.transport.prepare(made(a_mail(attempt=1))) as slept:
            fate = await office.transport.fate(a_mail(attempt=1))
            again = await posted(office, a_mail(attempt=2, lid="lid-2"))
            late = await slept.send()

        assert isinstance(fate, Refused)
        assert isinstance(again, Accepted)
        assert isinstance(late, Refused)
        assert len(office.arrived()) == 1

    async def test_mails_and_alerts_go_after_ninety_days(self, tmp_path: Path) -> None:
        outbox = OutboxTransport(tmp_path, SystemClock())
        (tmp_path / "alerts").mkdir()
        names = ("old.eml", "alerts/old.eml", "new.eml", "old.txt")
        for name in names:
            file = tmp_path / name
            file.touch()
            days = 91 if "old" in name else 89
            os.utime(file, (time.time() - days * 86_400,) * 2)

        removed = await outbox.tidy()

        assert removed == 2
        assert [(tmp_path / name).exists() for name in names] == [False, False, True, True]

    async def test_drafts_that_a_crash_left_go_after_an_hour(self, tmp_path: Path) -> None:
        """While the service runs, not only when it starts again: they hold what a customer said."""
        old, new = tmp_path / ".a.lid.draft", tmp_path / ".b.lid.draft"
        for draft, minutes in ((old, 61), (new, 59)):
            draft.touch()
            os.utime(draft, (time.time() - minutes * 60,) * 2)

        removed = await OutboxTransport(tmp_path, SystemClock()).tidy()

        assert (removed, old.exists(), new.exists()) == (1, False, True)


@pytest.mark.slow
class TestSmtp(TransportContract, LossContract):
    @pytest.fixture
    async def office(self) -> AsyncIterator[PostOffice]:
        async with smtp_office() as office:
            yield office


@pytest.fixture(scope="module")
def opensmtpd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSmtpd]:
    with opensmtpd(tmp_path_factory.mktemp("opensmtpd")) as server:
        yield server


@pytest.mark.slow
class TestOpenSmtpd(LossContract):
    """A mail server that was not written for our tests."""

    @pytest.fixture
    async def office(self, opensmtpd_server: OpenSmtpd) -> AsyncIterator[PostOffice]:
        async with opensmtpd_office(opensmtpd_server) as office:
            yield office

    async def test_its_own_name_for_the_mail_is_known(self, office: PostOffice) -> None:
        outcome = await posted(office, a_mail())

        assert isinstance(outcome, Accepted)
        assert re.fullmatch(r"[0-9a-f]{8}", outcome.message_id)

    @pytest.mark.parametrize(
        "mail",
        [
            replace(a_mail(), recipients=("nobody@shop.example",)),
            a_mail(body=BODY + b"A" * (LARGEST_BYTES + 1)),
            a_mail(body=b"a line that is no header\r\n" + BODY),
        ],
        ids=["unknown recipient", "too large", "not as a mail should be"],
    )
    async def test_what_it_does_not_take_is_a_refusal_of_this_mail(
        self, office: PostOffice, mail: Mail
    ) -> None:
        outcome = await posted(office, mail)

        assert isinstance(outcome, Refused)
        assert not outcome.provider_wide
        assert office.arrived() == []

    async def test_one_recipient_that_it_knows_is_enough(self, office: PostOffice) -> None:
        both = ("nobody@shop.example", "owner@shop.example")

        outcome = await posted(office, replace(a_mail(), recipients=both))

        assert isinstance(outcome, Accepted)
        assert office.arrived() == [BODY]


@pytest.mark.slow
class TestSes(TransportContract, LossContract):
    @pytest.fixture
    async def office(self, moto_url: str) -> AsyncIterator[PostOffice]:
        async with ses_office(moto_url) as office:
            yield office
