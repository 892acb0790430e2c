"""No call of the code is missing in the tables whose rows are struck."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.streams.client import Script
from tests.faults import call_sites

ROOT = Path(__file__).parents[2]
SCRIPT = re.compile(r"^(\w+): Final = Script\(", re.MULTILINE)
COMMAND = re.compile(r"redis\.(?:execute|block|everywhere)\(\s*\"([A-Z]+)\"")
OPERATION = re.compile(r"(?:_call|_conditional)\(\s*\"(\w+)\"")


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Module and text."""
    for folder in folders:
        for file in (ROOT / folder).rglob("*.py"):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts), file.read_text()


CODE = tuple(sources("libs", "services", "ops"))


def scripts() -> Iterator[Script]:
    for module, text in CODE:
        for name in SCRIPT.findall(text):
            yield getattr(importlib.import_module(module), name)


def struck(*tables: call_sites.Sites) -> str:
    return " ".join(site.pattern.decode() for table in tables for site in table.values())


IN_REDIS = struck(call_sites.REDIS_OF_SERVICES, call_sites.REDIS_OF_A_PERSON)


def test_every_script_of_redis_is_struck() -> None:
    found = list(scripts())

    assert len(found) > 15
    assert [script.source for script in found if script.sha not in IN_REDIS] == []


def test_every_command_of_redis_is_struck() -> None:
    found = {command for _, text in CODE for command in COMMAND.findall(text)}

    assert len(found) > 10
    assert {command for command in found if rf"\n{command}\r" not in IN_REDIS} == set()


@pytest.mark.parametrize("store", ["libs/ledger", "libs/conversations"])
def test_every_operation_of_dynamodb_is_struck(store: str) -> None:
    found = {name for module, text in sources(store) if "dynamodb" in module
             for name in OPERATION.findall(text)}  # fmt: skip
    patterns = struck(call_sites.AWS)

    assert found
    operations = {name.title().replace("_", "") for name in found}
    assert {operation for operation in operations if f".{operation}" not in patterns} == set()
