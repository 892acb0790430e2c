"""`deploy/env/*.example` names only settings there are, with values that every service takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs.redis.address import connect
from libs.runtime.settings import load
from services.mailer.settings import MailerSettings, check
from tests.unit.runtime.test_settings_doc import CLASSES, NAMED

FOLDER = Path(__file__).parents[3] / "deploy" / "env"
MISSING = {"SITE_KEYS": "k" * 32}
"""What only its owner can fill in."""


def _given(example: str) -> dict[str, str]:
    lines = (FOLDER / f"{example}.example").read_text().splitlines()
    return dict(re.findall(r"^(\w+)=(.*)$", line)[0] for line in lines if line and line[0] != "#")


@pytest.mark.parametrize("example", ["small", "large"])
def test_an_example_names_only_settings_there_are(example: str) -> None:
    assert _given(example).keys() <= NAMED.keys()


@pytest.mark.parametrize("example", ["small", "large"])
def test_every_service_takes_the_example(example: str) -> None:
    environ = {**_given(example), **MISSING}

    for settings in CLASSES:
        load(settings, environ)
    check(load(MailerSettings, environ))


def test_the_redis_of_many_machines_is_an_address_we_read() -> None:
    connect(_given("large")["REDIS_URL"], name="example")
