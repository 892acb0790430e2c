"""Starts services, keeps them running until a signal, stops them cleanly.

Exit codes: 0 stopped as asked, 1 a part died (start it again), 2 it could not start as set up.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from libs.errors import SettingsError
from libs.runtime.log import Log, place_of
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime, Service, Site
from libs.runtime.settings import LOOPBACK, CommonSettings, load

METRICS_SETTING: Final = "HANDOFF_METRICS_PORT"
STOP_SECONDS: Final = 15.0
"""How long handlers may finish after a stop signal; what is left comes back by itself."""
SWITCH_SECONDS: Final = 0.0005
"""How long the loop and a thread may keep each other from the interpreter. At Python's 5 ms what a
mail's build wants flushed was flushed when the build was through, and not beside it.
"""

Wire = Callable[[Any, Runtime], Awaitable[Service]]
Parts = tuple[type[CommonSettings], Wire]
"""What a service is made of; imported when it starts."""


@dataclass(frozen=True)
class Plan:
    """A service before it is wired."""

    name: str
    settings: CommonSettings
    wire: Wire


def main(name: str, parts: Callable[[], Parts]) -> NoReturn:
    """`python -m services.<name>`: one service as one process."""
    sys.exit(guarded(lambda: _alone(name, *parts(), os.environ)))


def guarded(start: Callable[[], int]) -> int:
    """Turn what can go wrong at a start into one sentence and exit code 2.

    Nothing is collected until the start is over: what is imported stays, and to walk it again and
    again took a sixth of a gateway's start and a third of the imports of all services.
    """
    gc.disable()
    try:
        return start()
    except SettingsError as problem:
        print(f"handoff: {problem}", file=sys.stderr)  # noqa: T201 - before any log exists
        return 2
    except KeyboardInterrupt:
        return 0
    finally:
        gc.enable()


def _alone(
    name: str, settings_class: type[CommonSettings], wire: Wire, environ: Mapping[str, str]
) -> int:
    settings = load(settings_class, environ)
    if not settings.redis_url:
        raise SettingsError(
            f"REDIS_URL is not set, and {name} alone needs the Redis that the other services use;"
            " `make up` runs them all in one process with a Redis of its own."
        )
    return run([Plan(name, settings, wire)], redis_url=settings.redis_url, one_machine=False)


def run(
    plans: Sequence[Plan],
    *,
    redis_url: str,
    one_machine: bool,
    extra: Callable[[Runtime], Awaitable[Service]] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> int:
    """Run these services in this process until SIGTERM or SIGINT."""
    try:
        import uvloop
    except ImportError:  # not made for every platform
        factory = None
    else:
        factory = uvloop.new_event_loop
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=factory) as runner:
        process = _Process(plans, redis_url, one_machine, extra, ready)
        return runner.run(process.live())


@dataclass(frozen=True)
class _Process:
    plans: Sequence[Plan]
    redis_url: str
    one_machine: bool
    extra: Callable[[Runtime], Awaitable[Service]] | None
    ready: Callable[[], None]

    async def live(self) -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        name = self.plans[0].name if len(self.plans) == 1 else "all"
        log = Log(name, level=self.plans[0].settings.log_level)
        async with AsyncExitStack() as stack:
            runtime = await self._runtime(log, stack)
            services = [await plan.wire(plan.settings, runtime) for plan in self.plans]
            if self.extra:
                services.append(await self.extra(runtime))
            if self.plans[0].settings.metrics_port:
                services.append(_numbers(self.plans[0].settings, services, runtime))
            return await _serve(services, runtime, stop, self.ready)

    async def _runtime(self, log: Log, stack: AsyncExitStack) -> Runtime:
        from libs.streams.open import open_streams

        metrics = Metrics()
        streams = await open_streams(self.redis_url, metrics=metrics, log=log, stack=stack)
        return Runtime(stack, streams, metrics, log, one_machine=self.one_machine)


async def _serve(
    services: Sequence[Service], runtime: Runtime, stop: asyncio.Event, ready: Callable[[], None]
) -> int:
    """Consumers and loops in one group: when one dies, all stop and the process ends with 1."""
    code = 0
    for site in (site for service in services for site in service.sites):
        await _listen(site, runtime.stack)  # a taken port stops the start before any work begins
    try:
        async with asyncio.TaskGroup() as group:
            consuming, looping = _start(services, runtime, group, stop)
            runtime.log.info("service_ready", name=",".join(s.name for s in services))
            ready()
            gc.freeze()  # what stands now stands until the end: collections need not walk it
            gc.enable()
            await stop.wait()
            runtime.log.info("service_stopping")
            await _stop(consuming, looping)
    except* SettingsError as refused:
        raise next(_causes(refused)) from None
    except* Exception as died:  # noqa: BLE001 - the last frame of the process
        for error in _causes(died):
            kind, place = type(error).__name__, place_of(error)
            runtime.log.error("unhandled_exception", exception_type=kind, where=place)
        code = 1
    return code


def _causes(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """A consumer works in task groups of its own, and each wraps what ended it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _causes(error)
        else:
            yield error


def _numbers(settings: CommonSettings, services: Sequence[Service], runtime: Runtime) -> Service:
    """/health and /metrics of this process, for who scrapes it."""
    from libs.web.edge import Edge
    from libs.web.health import Health
    from libs.web.requests import Requests
    from libs.web.server import EdgeServer

    redis = ("redis", runtime.streams.answers)
    checks = [redis, *(check for service in services for check in service.health)]
    requests = Requests("numbers", runtime.log, runtime.metrics, runtime.clock)
    edge = Edge(Health(checks, requests).routes(), runtime.log, requests)
    host = LOOPBACK if runtime.one_machine else settings.host
    site = Site(EdgeServer(edge), host, settings.metrics_port, METRICS_SETTING)
    return Service("numbers", sites=(site,))


Tasks = list[asyncio.Task[None]]


def _start(
    services: Sequence[Service], runtime: Runtime, group: asyncio.TaskGroup, stop: asyncio.Event
) -> tuple[Tasks, Tasks]:
    consuming = [
        group.create_task(runtime.streams.consume(consumer, stop), name=consumer.stream.name)
        for service in services
        for consumer in service.consumers
    ]
    loops = [runtime.streams.measure, *(loop for service in services for loop in service.loops)]
    looping = [group.create_task(_forever(loop)) for loop in loops]
    return consuming, looping


async def _forever(loop: Callable[[], Awaitable[None]]) -> None:
    await loop()


async def _stop(consuming: Tasks, looping: Tasks) -> None:
    """Loops end at once; handlers may finish; what is left over is cancelled."""
    for task in looping:
        task.cancel()
    if consuming:
        await asyncio.wait(consuming, timeout=STOP_SECONDS)
    for task in consuming:
        task.cancel()


async def _listen(site: Site, stack: AsyncExitStack) -> None:
    from aiohttp import web

    runner = web.ServerRunner(site.app, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, site.host, site.port, reuse_address=True).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SettingsError(f"Cannot listen on {site.host}:{site.port}: {error}.") from error
        raise SettingsError(
            f"Port {site.port} on {site.host} is taken; end what uses it, or set {site.setting}"
            " to another port."
        ) from error
