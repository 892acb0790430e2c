"""No call of the code is missing in the tables whose rows are struck, and one that is, is seen."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import hiredis

from libs.redis.client import Script
from tests.faults import call_sites
from tests.faults.calls import http_calls, redis_calls, smtp_calls
from tests.faults.proxy import Proxy

ROOT = Path(__file__).parents[2]
SCRIPT = re.compile(r"^(\w+): Final = Script\(", re.MULTILINE)
COMMAND = re.compile(r"redis\.(?:execute|block|everywhere)\(\s*\"([A-Z]+)\"")
OPERATION = re.compile(
    r"(?:_call|_conditional)\(\s*\"(\w+)\"|\bclient\.([a-z]\w*)(?=\(|\n)|\bclient\.get_waiter\(\"(\w+)"
)
"""Of an AWS client: through a wrapper, or at once."""
NO_CALL = frozenset({"close", "get_waiter"})
SMTP_COMMAND = re.compile(r"\bclient\.([a-z]+)(?=\(|\n)|execute_command\(b\"(\w+)\"")
NO_COMMAND = frozenset({"close", "execute_command", "transport", "protocol"})


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
    named = [s.sha in IN_REDIS or re.escape(s.source) in IN_REDIS for s in found]
    assert [s.source for s, known in zip(found, named, strict=True) if not known] == []


def test_every_command_of_redis_is_struck() -> None:
    found = {command for _, text in CODE for command in COMMAND.findall(text)}

    assert len(found) > 10
    assert {command for command in found if rf"\n{command}\r" not in IN_REDIS} == set()


def named(*tables: call_sites.Sites) -> set[str]:
    """The first words of their rows."""
    return {name.split()[0] for table in tables for name in table} | call_sites.NOT_STRUCK


def is_of_aws(module: str, text: str) -> bool:
    """`doctor` only looks."""
    return ("aws_client" in text or "dynamodb" in module) and "doctor" not in module


def test_every_operation_of_aws_is_struck() -> None:
    texts = [text for module, text in CODE if is_of_aws(module, text)]
    found = {name for text in texts for names in OPERATION.findall(text) for name in names if name}
    waits = {"table_exists": "DescribeTable"}
    operations = {waits.get(name) or name.title().replace("_", "") for name in found - NO_CALL}

    of_aws = (call_sites.AWS_AT_START, call_sites.AWS, call_sites.AWS_OF_A_PERSON, call_sites.SES)
    assert len(operations) > 15
    assert operations - named(*of_aws) == set()


def test_every_command_of_smtp_is_struck() -> None:
    text = (ROOT / "services/mailer/adapters/smtp.py").read_text()
    found = {name for names in SMTP_COMMAND.findall(text) for name in names if name}
    called = {"connect": "greeting", "login": "AUTH"}
    commands = {called.get(name) or name.upper() for name in found - NO_COMMAND}

    assert len(commands) > 7
    assert commands - named(call_sites.SMTP, call_sites.SMTP_WITH_TLS) == set()


def test_what_passed_is_split_into_calls_and_what_no_row_names_is_seen() -> None:
    wire = Proxy("", 0)
    adding = hiredis.pack_command(("XADD", "{lead.signal:0}:stream", "*", "e", "*1\r\n$4\r\nPING"))
    strange = hiredis.pack_command(("FLUSHALL", "ASYNC"))
    wire.sent = [bytearray(adding + strange), bytearray(adding[:-3])]

    assert list(redis_calls(wire)) == [adding, strange]
    assert call_sites.unnamed(redis_calls(wire), call_sites.REDIS_OF_SERVICES) == {strange}


def test_a_mail_is_no_smtp_command_and_what_is_hidden_is_one() -> None:
    wire = Proxy("", 0)
    wire.sent = [
        bytearray(b"ehlo a\r\nMAIL FROM:<a>\r\nDATA\r\nHi\r\nVRFY all\r\n.\r\nNOOP\r\n"),
        bytearray(b"ehlo a\r\nSTARTTLS\r\n\x16\x03\x01\x00\r\nVRFY"),
    ]
    tables = (call_sites.SMTP_DOT, call_sites.SMTP, call_sites.SMTP_WITH_TLS)

    assert call_sites.unnamed(smtp_calls(wire), *tables) == {b"NOOP\r\n"}


def test_each_request_on_a_connection_is_a_call() -> None:
    wire = Proxy("", 0)
    known = b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: DynamoDB_1.UpdateItem\r\n\r\n{}"
    strange = b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: DynamoDB_1.BatchWriteItem\r\n\r\n{}"
    wire.sent = [bytearray(known + strange)]

    assert call_sites.unnamed(http_calls(wire), call_sites.AWS) == {strange}
