"""SES v2: signed before ARM, sent once, never signed again.

AWS refuses a request signed more than 5 minutes ago: a process that slept between ARM and send is
refused by the provider itself. That is the fence.
"""

from __future__ import annotations

import asyncio
import hashlib
from asyncio import Future
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from libs.runtime.aws import aws_client
from libs.runtime.clock import Clock
from services.mailer.adapters.ses_errors import meaning
from services.mailer.ports import (
    SIGNATURE_SECONDS,
    Accepted,
    Mail,
    NotPrepared,
    Outcome,
    Refused,
    Unknown,
    Windows,
)

WINDOWS: Final = Windows(fence_seconds=SIGNATURE_SECONDS, evidence_seconds=1200)
SIGN_SECONDS: Final = 15.0
"""Credentials may have to be fetched first."""
CONNECT_SECONDS: Final = 10.0
SEND_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 3.0
"""Shorter than any server's idle timeout: a mail must not meet a connection that just closed."""


class SesAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Where SES is, and by which of its rules it sends for us."""

    region: str
    endpoint_url: str = ""
    configuration_set: str = ""
    read_seconds: float = 50.0


@dataclass
class _Gate:
    """Where one request waits, signed, until it is armed."""

    body: bytes
    digest: str
    signed: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


_IN_THE_HOOK: Final = {"Raw": {"Data": b""}}
_GATE: ContextVar[_Gate] = ContextVar("gate")


def _written_out(request: dict[str, Any]) -> _Gate:
    body = msgspec.json.encode(request)
    return _Gate(body, hashlib.sha256(body).hexdigest())


def _put_body(params: dict[str, Any], **_: object) -> None:
    """The hook `before-call`: botocore would hold the loop 50 ms to write out five photos."""
    gate = _GATE.get()
    params["body"] = gate.body
    params["headers"]["X-Amz-Content-SHA256"] = gate.digest


async def _wait_after_signing(**_: object) -> None:
    """The hook `before-send`: the request is signed, no byte of it has left."""
    gate = _GATE.get()
    gate.signed.set()
    await gate.go.wait()


@dataclass(frozen=True)
class SesTransport:
    """MailTransport."""

    client: Any
    clock: Clock
    configuration_set: str = ""
    windows: Windows = WINDOWS
    name: str = "ses"

    @asynccontextmanager
    async def prepare(self, making: Future[Mail]) -> AsyncIterator[_Signed]:
        request = self._request(await making)
        gate = await asyncio.to_thread(_written_out, request)
        prepared_at = self.clock.boot()
        call = asyncio.create_task(self._call(request, gate))
        try:
            await _signed(call, gate)
            yield _Signed(call, gate, prepared_at, self.windows)
        finally:
            call.cancel()
            await asyncio.wait([call])

    async def fate(self, mail: Mail) -> Outcome:
        return Unknown("no_idempotency_key")

    async def _call(self, request: dict[str, Any], gate: _Gate) -> Outcome:
        _GATE.set(gate)
        try:
            answer = await self.client.send_email(**{**request, "Content": _IN_THE_HOOK})
        except Exception as error:  # noqa: BLE001 - the table knows them all; what it does not is Unknown
            return meaning(error)
        return Accepted(answer.get("MessageId", ""))

    def _request(self, mail: Mail) -> dict[str, Any]:
        tags = {"thread": mail.thread_id, "attempt": str(mail.attempt), "shop": mail.shop}
        request: dict[str, Any] = {
            "FromEmailAddress": mail.sender,
            "Destination": {"ToAddresses": list(mail.recipients)},
            "Content": {"Raw": {"Data": mail.body}},
        }
        if mail.kind == "lead":
            request["EmailTags"] = [{"Name": name, "Value": tags[name]} for name in tags]
        if self.configuration_set:
            request["ConfigurationSetName"] = self.configuration_set
        return request


@dataclass(frozen=True)
class _Signed:
    call: asyncio.Task[Outcome]
    gate: _Gate
    prepared_at: float
    windows: Windows
    transport: str = "ses"
    passed_over: str = ""

    async def send(self) -> Outcome:
        self.gate.go.set()
        done, _ = await asyncio.wait([self.call], timeout=SEND_SECONDS)
        return self.call.result() if done else Unknown("timeout")


async def _signed(call: asyncio.Task[Outcome], gate: _Gate) -> None:
    """Until the request waits at the gate; a call that ends before it was never sent."""
    waiting = asyncio.create_task(gate.signed.wait())
    try:
        await asyncio.wait({call, waiting}, timeout=SIGN_SECONDS, return_when="FIRST_COMPLETED")
    finally:
        waiting.cancel()
    if gate.signed.is_set():
        return
    outcome = call.result() if call.done() else Unknown("signing_timed_out")
    if isinstance(outcome, Refused):
        raise NotPrepared(outcome)
    raise NotPrepared(
        Refused(getattr(outcome, "code", "not_signed"), provider_wide=True, tell=True)
    )


async def open_ses(
    stack: AsyncExitStack, account: SesAccount, clock: Clock, windows: Windows = WINDOWS
) -> SesTransport:
    """A client that never repeats a request, never follows a redirect and waits after signing."""
    from services.mailer.adapters.ses_session import OneShotSession

    opened = aws_client(
        "sesv2",
        account.region,
        account.endpoint_url,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=account.read_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        connector_args={"keepalive_timeout": IDLE_SECONDS},
        http_session_cls=OneShotSession,
        max_pool_connections=100,
    )
    client = await stack.enter_async_context(opened)
    client.meta.events.register("before-call.sesv2.SendEmail", _put_body)
    client.meta.events.register("before-send.sesv2.SendEmail", _wait_after_signing)
    return SesTransport(client, clock, account.configuration_set, windows)
