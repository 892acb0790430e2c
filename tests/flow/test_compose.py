"""What `compose.yaml` says, started by hand: same commands, same environment, two of each consumer.

There is no container engine where this runs; docs/decisions/image.md says how the image was proven.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from tests.product import visitor
from tests.servers import RedisServer, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("gateway", "session", "chat", "lead", "mailer", "attachments")
CONSUMERS = ("session", "chat", "lead", "mailer")


class Counting(Message):
    """A mail catcher that keeps what it accepted."""

    def __init__(self) -> None:
        super().__init__(EmailMessage)
        self.accepted: list[EmailMessage] = []

    def prepare_message(self, session: Any, envelope: Any) -> EmailMessage:
        return email.message_from_bytes(envelope.content, policy=email.policy.default)

    def handle_message(self, message: Any) -> None:
        self.accepted.append(message)


@pytest.fixture
def catcher() -> Iterator[tuple[Counting, int]]:
    kept, port = Counting(), free_port()
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    yield kept, port
    server.stop()


def _environment(addresses: Mapping[str, str]) -> dict[str, str]:
    """The file's own, with each service name replaced by where its stand-in listens."""
    environ = _image()
    for name, value in COMPOSE["x-environment"].items():
        environ[name] = _substituted(str(value))
        for host, address in addresses.items():
            environ[name] = environ[name].replace(host, address)
    return environ


def _image() -> dict[str, str]:
    """What the image sets: a container's own loopback would be reached by nobody."""
    said = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")
    words = [shlex.split(line)[1:] for line in said.splitlines() if line.startswith("ENV ")]
    environ = dict(word.split("=", 1) for line in words for word in line)
    del environ["PATH"]
    assert environ["HANDOFF_HOST"] == "0.0.0.0"  # noqa: S104 - the point
    return environ


def _substituted(value: str) -> str:
    """`${NAME:-default}` as Compose reads it without the variable."""
    if value.startswith("${"):
        return value.removeprefix("${").removesuffix("}").partition(":-")[2]
    return value


def _start(
    name: str, environ: Mapping[str, str], data: Path, stack: ExitStack
) -> subprocess.Popen[bytes]:
    command = shlex.split(COMPOSE["services"][name]["command"])
    assert command[:2] == ["python", "-m"]
    data.mkdir()
    log = stack.enter_context((data / "log").open("wb"))
    process = subprocess.Popen(
        [sys.executable, *command[1:]],
        env={"PATH": os.environ["PATH"], **environ, "HANDOFF_DATA": str(data)},
        stderr=log,
        cwd=ROOT,
    )
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGTERM)
    return process


async def _healthy(url: str, seconds: float = 90) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, asyncio.timeout(seconds):
        while True:
            try:
                async with http.get(f"{url}/health") as answer:
                    said: dict[str, Any] = await answer.json()
                    if answer.status == 200:
                        return said
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


async def _accepted(catcher: Counting, count: int, seconds: float = 60) -> list[EmailMessage]:
    async with asyncio.timeout(seconds):
        while len(catcher.accepted) < count:
            await asyncio.sleep(0.05)
    return catcher.accepted


def test_every_service_is_one_image_locked_down() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert service["image"] == "handoff"
        assert service["command"] == f"python -m services.{name}"
        assert service["read_only"] is True
        assert service["user"] == "10001"
        assert "container_name" not in service  # it could not be scaled


async def test_the_processes_of_compose_send_one_mail_a_conversation(
    redis_process: RedisServer, redis_url: str, moto_url: str, catcher: tuple[Counting, int],
    tmp_path: Path,
) -> None:  # fmt: skip
    kept, smtp_port = catcher
    port, attachments_port = free_port(), free_port()
    environ = _environment(
        {
            "redis://redis:6379/0": redis_url,
            "http://dynamodb:8000": moto_url,
            "http://s3:9090": moto_url,
            "http://attachments:8090": f"http://127.0.0.1:{attachments_port}",
            "http://localhost:8080": f"http://127.0.0.1:{port}",
        }
    ) | {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "HANDOFF_PORT": str(port),
        "ATTACHMENTS_PORT": str(attachments_port),
        "QUIET_SECONDS": "1",
        "SWEEP_SECONDS": "1",
    }
    with ExitStack() as stack:
        for name in OURS:
            for copy in range(2 if name in CONSUMERS else 1):
                _start(name, environ, tmp_path / f"{name}{copy}", stack)
        url = f"http://127.0.0.1:{port}"
        health = await _healthy(url)

        threads = []
        for number in range(6):
            async with visitor(url, origin="http://localhost:4321") as someone:
                await someone.say("My 2012 Honda Civic has a torn driver seat, please repair it.")
                await someone.say(f"Call me at 408-555-01{50 + number}.")
                threads.append(someone.thread)
        mails = await _accepted(kept, len(threads))
        await asyncio.sleep(3)  # long enough for a second mail to show itself

        assert health["redis"] == health["database"] == "connected"
        assert sorted(str(mail["X-Handoff-Thread"]) for mail in mails) == sorted(threads)
