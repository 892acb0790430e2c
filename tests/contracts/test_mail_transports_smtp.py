"""THE TABLE of SMTP against a server that says, at each stage, each kind of thing."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.runtime.clock import SystemClock
from services.mailer.adapters.fallback import FallbackTransport
from services.mailer.adapters.smtp import SmtpServer, SmtpTransport, transparent
from services.mailer.fakes import FakeTransport
from services.mailer.ports import Accepted, NotPrepared, Outcome, Refused, Unknown, made
from tests.certificates import self_signed, server_context
from tests.contracts.post_offices import Letters, ScriptedSmtp, smtp_office
from tests.contracts.test_mail_transports import BODY, a_mail, posted

pytestmark = pytest.mark.slow

DELAY, TELL, COUNTS, UNKNOWN, ACCEPTED = "delay", "tell", "counts", "unknown", "accepted"
LATER, PLAINER, PLAINER_IF_AGAIN = "later", "plainer", "plainer if again"

CASES = [
    # stage, what the server does, before ARM?, meaning
    ("connect", "421 busy", True, DELAY),
    ("connect", "450 busy", True, DELAY),
    ("connect", "554 no service for you", True, TELL),
    ("connect", "close", True, DELAY),
    ("connect", "hang", True, DELAY),
    ("connect", "nonsense", True, TELL),
    ("ehlo", "421 busy", True, DELAY),
    ("ehlo", "550 go away", True, TELL),
    ("ehlo", "close", True, DELAY),
    ("ehlo", "hang", True, DELAY),
    ("auth", "454 later", True, DELAY),
    ("auth", "535 wrong password", True, TELL),
    ("auth", "close", True, DELAY),
    ("auth", "hang", True, DELAY),
    ("mail", "421 closing", True, DELAY),
    ("mail", "451 later", True, LATER),
    ("mail", "452 disk full", True, LATER),
    ("mail", "550 sender not allowed", True, TELL),
    ("mail", "450 sender domain not found", True, LATER),
    ("mail", "501 bad sender syntax", True, TELL),
    ("mail", "553 sender not owned by user", True, TELL),
    ("mail", "552 too large", True, PLAINER),
    ("mail", "close", True, DELAY),
    ("mail", "hang", True, DELAY),
    ("rcpt", "421 closing", True, DELAY),
    ("rcpt", "450 greylisted", True, LATER),
    ("rcpt", "452 mailbox full", True, LATER),
    ("rcpt", "550 no such user", True, COUNTS),
    ("rcpt", "550 5.1.1 no such user", True, COUNTS),
    ("rcpt", "550 5.7.2 not on this list", True, COUNTS),
    ("rcpt", "550 5.7.17 the mailbox has another owner", True, COUNTS),
    ("rcpt", "550 5.1.7 bad sender address", True, TELL),
    ("rcpt", "550 5.1.8 sender domain not found", True, TELL),
    ("rcpt", "450 4.1.8 sender domain not found", True, LATER),
    ("rcpt", "550 5.7.1 sender rejected", True, TELL),
    ("rcpt", "554 5.7.1 relay access denied", True, TELL),
    ("rcpt", "451 4.7.1 greylisted", True, LATER),
    ("rcpt", "450 4.7.1 Client host rejected: cannot find your hostname", True, LATER),
    ("rcpt", "550 5.7.23 SPF failed", True, TELL),
    ("rcpt", "close", True, DELAY),
    ("rcpt", "hang", True, DELAY),
    ("data", "421 closing", False, DELAY),
    ("data", "451 later", False, LATER),
    ("data", "554 no valid recipients", False, COUNTS),
    ("data", "554 5.1.8 sender domain not found", False, TELL),
    ("data", "250 what?", False, TELL),
    ("data", "close", False, DELAY),
    ("data", "hang", False, DELAY),
    ("body", "close", False, PLAINER_IF_AGAIN),
    ("dot", "250 ok queued", False, ACCEPTED),
    ("dot", "251 forwarded", False, ACCEPTED),
    ("dot", "354 more?", False, UNKNOWN),
    ("dot", "354 5.7.26 more?", False, UNKNOWN),
    ("dot", "421 closing", False, DELAY),
    ("dot", "451 local error", False, LATER),
    ("dot", "452 storage", False, LATER),
    ("dot", "552 too large", False, PLAINER),
    ("dot", "554 looks like spam", False, PLAINER),
    ("dot", "550 5.7.1 looks like spam", False, PLAINER),
    ("dot", "550 5.7.26 not authenticated", False, TELL),
    ("dot", "550 5.7.60 may not send as this sender", False, TELL),
    ("dot", "554 5.2.252 SendAsDenied", False, TELL),
    ("dot", "451 4.7.24 SPF did not answer", False, LATER),
    ("dot", "554 Message rejected: Email address is not verified. The following", False, TELL),
    ("dot", "close", False, UNKNOWN),
    ("dot", "hang", False, UNKNOWN),
    ("dot", "nonsense", False, UNKNOWN),
]


def transport_to(port: int, patience_seconds: float) -> SmtpTransport:
    server = SmtpServer(
        host="127.0.0.1", port=port, tls="none", username="shop", password="secret",
        command_seconds=patience_seconds, dot_seconds=patience_seconds,
    )  # fmt: skip
    return SmtpTransport(server, SystemClock(), "client.test")


def meaning(outcome: Outcome) -> str:
    match outcome:
        case Accepted():
            return ACCEPTED
        case Unknown():
            return UNKNOWN
        case Refused(tell=True):
            return TELL
        case Refused(provider_wide=True):
            return DELAY
        case Refused(temporary=True):
            return LATER
        case Refused():
            return of_this_mail(outcome)


def of_this_mail(refused: Refused) -> str:
    if refused.of_content:
        return PLAINER
    return PLAINER_IF_AGAIN if refused.of_content_if_again else COUNTS


@pytest.mark.parametrize(("stage", "does", "before_arm", "expected"), CASES)
async def test_every_stage_and_reply_means_what_the_table_says(
    stage: str,
    does: str,
    before_arm: bool,  # noqa: FBT001 - a column of the table
    expected: str,
) -> None:
    armed = False
    mail = a_mail(body=BODY + b"x" * 16_000_000) if stage == "body" else a_mail()
    patience = 1 if does == "hang" else 60
    async with ScriptedSmtp({stage: does}) as server:
        try:
            async with transport_to(server.port, patience).prepare(made(mail)) as ready:
                armed = True
                outcome: Outcome = await ready.send()
        except NotPrepared as door:
            outcome = door.refused

    assert meaning(outcome) == expected
    assert armed is not before_arm


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("mail wrong@shop.example", "450 domain not found"),
        ("mail wrong@shop.example", "550 not allowed"),
        ("mail wrong@shop.example", "553 not yours"),
        ("rcpt from wrong@shop.example", "550 5.7.1 sender rejected"),
    ],
)
async def test_a_sender_that_is_not_taken_moves_no_other_shop(command: str, said: str) -> None:
    told: list[str] = []

    async def tell(cause: str) -> None:
        told.append(cause)

    async with smtp_office() as office:
        office.letters.answers[command] = said
        second = FakeTransport(SystemClock(), name="second")
        both = FallbackTransport(office.transport, second, SystemClock(), tell)
        for sender in ("wrong@shop.example", "right@shop.example"):
            async with both.prepare(made(replace(a_mail(), sender=sender))) as ready:
                await ready.send()

        assert [mail.sender for mail in second.accepted] == ["wrong@shop.example"]
        assert office.arrived() == [BODY]
        assert told == ([] if said.startswith("4") else [f"{command[:4]}_{said[:3]}"])


async def test_a_server_that_shuts_down_at_mail_rests_for_everybody() -> None:
    async with ScriptedSmtp({"mail": "421 closing"}) as server:
        with pytest.raises(NotPrepared) as door:
            async with transport_to(server.port, 60).prepare(made(a_mail())):
                pass

    assert door.value.refused == Refused("mail_421", provider_wide=True)


async def test_it_has_said_hello_before_the_mail_is_made() -> None:
    making = asyncio.get_running_loop().create_future()
    async with ScriptedSmtp({"mail": "550 not you"}) as server:

        async def make_it_then() -> None:
            await server.greeted.wait()
            making.set_result(a_mail())

        async with asyncio.TaskGroup() as group:
            group.create_task(make_it_then())
            with pytest.raises(NotPrepared, match="mail_550"):
                async with transport_to(server.port, 60).prepare(making):
                    pass


async def test_a_sender_that_slept_finds_its_connection_closed() -> None:
    async with smtp_office() as office, office.transport.prepare(made(a_mail())) as ready:
        await office.proxy.close()
        outcome = await ready.send()

    assert isinstance(outcome, Refused)
    assert outcome.provider_wide
    assert office.arrived() == []


async def test_whoever_is_cancelled_at_quit_leaves_no_connection_behind() -> None:
    async with ScriptedSmtp({"quit": ""}) as server:
        taken = asyncio.Event()

        async def send() -> None:
            async with transport_to(server.port, 60).prepare(made(a_mail())) as ready:
                await ready.send()
                taken.set()

        sending = asyncio.create_task(send())
        await taken.wait()
        sending.cancel()
        await asyncio.wait([sending])
        async with asyncio.timeout(10):
            await server.left.wait()

        assert sending.cancelled()


async def test_a_server_that_takes_the_mail_and_says_nothing_is_unknown() -> None:
    async with smtp_office() as office:
        office.proxy.cut_after, office.proxy.hold = b"\r\n.\r\n", True
        impatient = replace(office.transport.server, dot_seconds=1)
        office.transport = dataclasses.replace(office.transport, server=impatient)

        outcome = await posted(office, a_mail())

    assert outcome == Unknown("dot_timeout")
    assert len(office.arrived()) == 1


async def test_a_mail_is_signed_before_its_size_is_told() -> None:
    """With the line ends that it leaves with, or the signature would not hold."""
    async with smtp_office() as office:
        office.transport = dataclasses.replace(
            office.transport, sign=lambda mail: b"DKIM-Signature: of %d\r\n" % len(mail) + mail
        )

        await posted(office, a_mail(body=BODY.replace(b"\r\n", b"\n")))

    signed = b"DKIM-Signature: of %d\r\n" % len(BODY) + BODY
    assert office.arrived() == [signed]
    assert office.letters.sizes == [len(signed)]


@pytest.mark.parametrize(
    ("waits", "said", "code"),
    [
        (True, "550 no such user", "rcpt_550"),
        (False, "550 no such user", "rcpt_550"),
        (False, "450 greylisted", "rcpt_450"),
    ],
)
async def test_one_recipient_that_is_taken_is_enough(*, waits: bool, said: str, code: str) -> None:
    async with smtp_office() as office:
        office.letters.answers["rcpt gone@shop.example"] = said
        recipients = ("gone@shop.example", "owner@shop.example")
        both = replace(a_mail(), recipients=recipients, waits_for_all=waits)

        async with office.transport.prepare(made(both)) as ready:
            outcome = await ready.send()

    assert (outcome, ready.passed_over) == (Accepted("ABC123"), code)
    assert office.letters.recipients == [["owner@shop.example"]]


@pytest.mark.parametrize("others", [(), ("gone@shop.example",)])
async def test_a_mail_that_waits_for_all_leaves_for_nobody_while_one_is_put_off(
    others: tuple[str, ...],
) -> None:
    async with smtp_office() as office:
        office.letters.answers |= {
            "rcpt slow@shop.example": "450 greylisted",
            "rcpt gone@shop.example": "550 no such user",
        }
        recipients = ("owner@shop.example", "slow@shop.example", *others)

        outcome = await posted(office, replace(a_mail(), recipients=recipients, waits_for_all=True))

    assert outcome == Refused("rcpt_450", temporary=True)
    assert office.arrived() == []


async def test_a_mail_waits_for_nobody_after_an_answer_that_no_server_should_give() -> None:
    async with smtp_office() as office:
        office.letters.answers["rcpt odd@shop.example"] = "252 cannot verify"
        recipients = ("owner@shop.example", "odd@shop.example")
        mail = replace(a_mail(), recipients=recipients, waits_for_all=True)

        async with office.transport.prepare(made(mail)) as ready:
            passed_over = ready.passed_over

    assert passed_over == "rcpt_252"


async def test_a_server_that_shuts_down_says_nothing_of_a_recipient() -> None:
    async with smtp_office() as office:
        office.letters.answers["rcpt slow@shop.example"] = "421 too busy"
        recipients = ("owner@shop.example", "slow@shop.example")

        outcome = await posted(office, replace(a_mail(), recipients=recipients))

    assert outcome == Refused("rcpt_421", provider_wide=True)


async def test_recipients_of_whom_one_may_yet_be_taken_are_asked_again() -> None:
    async with smtp_office() as office:
        office.letters.answers |= {
            "rcpt slow@shop.example": "450 greylisted",
            "rcpt gone@shop.example": "550 no such user",
        }
        both = replace(a_mail(), recipients=("slow@shop.example", "gone@shop.example"))

        outcome = await posted(office, both)

    assert outcome == Refused("rcpt_450", temporary=True)


def test_leading_dots_are_doubled_and_lines_end_in_crlf() -> None:
    assert transparent(b".\nto\r..\r\nend") == b"..\r\nto\r\n...\r\nend\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "localhost")


class TestTls:
    """Real TLS in both forms, with a certificate of our own."""

    async def test_starttls_then_auth(self, certificate: Path) -> None:
        secrets: list[bytes] = []

        def authenticate(*given: object) -> object:
            from aiosmtpd.smtp import AuthResult

            secrets.append(given[-1].password)  # type: ignore[attr-defined]
            return AuthResult(success=True)

        options = {
            "tls_context": server_context(certificate),
            "require_starttls": True,
            "authenticator": authenticate,
            "auth_required": True,
        }
        async with smtp_office(**options) as office:
            transport = _trusting(certificate, office.transport.server.port, "starttls")
            async with transport.prepare(made(a_mail())) as ready:
                outcome = await ready.send()

        assert isinstance(outcome, Accepted)
        assert secrets == [b"secret"]
        assert office.arrived() == [BODY]

    async def test_tls_from_the_first_byte(self, certificate: Path) -> None:
        from aiosmtpd.smtp import SMTP

        letters, loop = Letters(), asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(letters, loop=loop), "127.0.0.1", 0, ssl=server_context(certificate)
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            transport = _trusting(certificate, port, "tls", username="")
            async with transport.prepare(made(a_mail())) as ready:
                outcome = await ready.send()

        assert isinstance(outcome, Accepted)
        assert letters.kept == [BODY]

    async def test_a_certificate_that_nobody_signed_is_refused_before_the_password(
        self, certificate: Path
    ) -> None:
        async with smtp_office(
            tls_context=server_context(certificate), require_starttls=True
        ) as office:
            server = SmtpServer(
                host="localhost", port=office.proxy.port, tls="starttls", username="shop",
                password="secret", command_seconds=2,
            )  # fmt: skip
            strict = SmtpTransport(
                server, SystemClock(), "client.test", ssl.create_default_context()
            )
            with pytest.raises(NotPrepared) as refused:
                async with strict.prepare(made(a_mail())):
                    pass

        assert refused.value.refused.tell
        assert office.arrived() == []

    async def test_a_server_without_starttls_is_refused(self) -> None:
        async with ScriptedSmtp({}) as server:
            settings = SmtpServer(host="127.0.0.1", port=server.port, tls="starttls")
            transport = SmtpTransport(settings, SystemClock(), "client.test")
            with pytest.raises(NotPrepared) as refused:
                async with transport.prepare(made(a_mail())):
                    pass

        assert refused.value.refused.tell


def _trusting(certificate: Path, port: int, tls: str, username: str = "shop") -> SmtpTransport:
    context = ssl.create_default_context(cafile=str(certificate))
    server = SmtpServer(
        host="localhost", port=port, tls="tls" if tls == "tls" else "starttls",
        username=username, password="secret", command_seconds=5, dot_seconds=5,
    )  # fmt: skip
    return SmtpTransport(server, SystemClock(), "client.test", context)
