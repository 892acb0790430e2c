"""Everything in one process: a laptop, or a single small shop. `make up` runs this."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from libs.errors import SettingsError
from libs.runtime import embedded_redis
from libs.runtime.run import Plan, guarded, run
from libs.runtime.runtime import Runtime, Service
from libs.runtime.settings import CommonSettings, load


@dataclass(frozen=True)
class Redis:
    url: str
    said: str
    """One honest line about what it is."""
    own: embedded_redis.EmbeddedRedis | None = None


def main() -> int:
    environ = dict(os.environ)
    settings = load(CommonSettings, environ)
    with ExitStack() as stack:
        _hold(settings.data_path, stack)
        redis = _redis(settings, stack)
        return run(
            _plans(environ),
            redis_url=redis.url,
            one_machine=True,
            extra=lambda runtime: _beside(settings, redis, runtime),
            ready=lambda: _say_ready(settings, redis),
        )


async def _beside(settings: CommonSettings, redis: Redis, runtime: Runtime) -> Service:
    """The inbox, and who looks after a Redis of our own."""
    from ops.inbox.wiring import wire as wire_inbox

    inbox = await wire_inbox(settings, runtime)
    if redis.own is None:
        return inbox
    return replace(inbox, loops=(*inbox.loops, partial(redis.own.keep, runtime.log)))


def _plans(environ: Mapping[str, str]) -> list[Plan]:
    """Imported here, so that a bad setting is said before half a second of imports."""
    from services.attachments.settings import AttachmentsSettings
    from services.attachments.wiring import wire as wire_attachments
    from services.chat.settings import ChatSettings
    from services.chat.wiring import wire as wire_chat
    from services.gateway.settings import GatewaySettings
    from services.gateway.wiring import wire as wire_gateway
    from services.lead.settings import LeadSettings
    from services.lead.wiring import wire as wire_lead
    from services.mailer.settings import MailerSettings
    from services.mailer.wiring import wire as wire_mailer
    from services.session.settings import SessionSettings
    from services.session.wiring import wire as wire_session

    return [
        Plan("gateway", load(GatewaySettings, environ), wire_gateway),
        Plan("session", load(SessionSettings, environ), wire_session),
        Plan("chat", load(ChatSettings, environ), wire_chat),
        Plan("lead", load(LeadSettings, environ), wire_lead),
        Plan("mailer", load(MailerSettings, environ), wire_mailer),
        Plan("attachments", load(AttachmentsSettings, environ), wire_attachments),
    ]


def _hold(data: Path, stack: ExitStack) -> None:
    """Make the data folder ours: it must be writable, and nobody else may run on it."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = stack.enter_context((data / "lock").open("a+"))
    except OSError as error:
        raise SettingsError(
            f"Cannot write to the data folder {data} ({error.strerror}); make it writable or set"
            " HANDOFF_DATA to another folder."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        raise SettingsError(
            f"Another Handoff (process {lock.read().strip() or '?'}) already runs on {data}; end it"
            " first, or set HANDOFF_DATA to another folder."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


def _redis(settings: CommonSettings, stack: ExitStack) -> Redis:
    """The Redis given, else one of our own, else one inside this process."""
    if settings.redis_url:
        return Redis(settings.redis_url, "as REDIS_URL says")
    binary = embedded_redis.find_binary()
    if binary is None:
        return Redis(
            "fake://",
            "none found, so one inside this process: every stop forgets what waits in it. The"
            " sweeper finds unfinished conversations again; signals not yet stored, parked"
            " messages, pauses and limits are gone",
        )
    own = embedded_redis.start(binary, settings.data_path / embedded_redis.EMBEDDED_FOLDER, stack)
    return Redis(own.url, f"{own.name}, append-only file on", own)


def _say_ready(settings: CommonSettings, redis: Redis) -> None:
    rows = [("Shop page", f"{settings.local_url}/")]
    if settings.mail == "outbox":
        rows.append(("Inbox", f"http://127.0.0.1:{settings.inbox_port}/"))
    rows += [("Data", settings.data), ("Redis", redis.said)]
    if not settings.openai_api_key:
        rows.append(("Assistant", "practice agent (OPENAI_API_KEY is not set)"))
    lines = ["Handoff is running.", *(f"  {name:<11}{what}" for name, what in rows)]
    print("\n".join([*lines, "Ctrl-C stops it."]), flush=True)  # noqa: T201 - for the person


if __name__ == "__main__":
    sys.exit(guarded(main))
