"""What one process holds, and how a service in it starts, runs and stops.

`services/<name>/wiring.py` has one function `wire(settings, runtime) -> Service`; everything it
opens goes on `runtime.stack` and is closed in reverse order when the process stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from libs.runtime.clock import Clock, SystemClock
from libs.runtime.ids import NewId, random_id
from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.streams.port import Consumer

if TYPE_CHECKING:
    from aiohttp import web

    from libs.streams.streams import Streams


@dataclass(frozen=True)
class Runtime:
    """Opened once per process and shared by every service in it."""

    stack: AsyncExitStack
    streams: Streams
    """Publisher, Asker and consume loop; `streams.redis` is the client for leases and limits."""
    metrics: Metrics
    log: Log
    clock: Clock = field(default_factory=SystemClock)
    new_id: NewId = random_id
    one_machine: bool = False
    """Everything in one process on the embedded defaults."""


@dataclass(frozen=True)
class Site:
    """One HTTP listener."""

    app: web.Server
    host: str
    port: int
    setting: str
    """The environment variable that moves it, for the sentence when the port is taken."""


@dataclass(frozen=True)
class Service:
    """What a service is made of once it is wired."""

    name: str
    consumers: tuple[Consumer, ...] = ()
    loops: tuple[Callable[[], Awaitable[None]], ...] = ()
    """Run until cancelled (sweeper, delivery-event poller)."""
    sites: tuple[Site, ...] = ()
    health: tuple[tuple[str, Callable[[], Awaitable[bool]]], ...] = ()
    """Named checks, each under a second."""
