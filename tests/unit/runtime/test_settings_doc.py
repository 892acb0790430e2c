"""`docs/settings.md` names every setting there is, with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from libs.runtime.settings import CommonSettings, Rate
from services.attachments.settings import AttachmentsSettings
from services.chat.settings import ChatSettings
from services.gateway.settings import GatewaySettings
from services.lead.settings import LeadSettings
from services.mailer.settings import MailerSettings
from services.session.settings import SessionSettings

CLASSES: tuple[type[CommonSettings], ...] = (
    GatewaySettings, SessionSettings, ChatSettings, LeadSettings, MailerSettings,
    AttachmentsSettings,
)  # fmt: skip
ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "settings.md").read_text()
NAMED = dict(reversed(re.findall(r"`([A-Z][A-Z0-9_]{3,})`(?: \[([^\]]+)\])?", DOC)))
"""With the default, which stands where a setting is named first."""


def _fields() -> dict[str, object]:
    return {
        field.encode_name: field.default
        for settings in CLASSES
        for field in msgspec.structs.fields(settings)
    }


def test_every_setting_is_in_the_doc() -> None:
    assert _fields().keys() <= NAMED.keys()


def test_the_doc_names_no_setting_that_is_not() -> None:
    assert NAMED.keys() <= _fields().keys()


@pytest.mark.parametrize("settings", CLASSES, ids=lambda settings: settings.__module__)
def test_a_service_says_which_settings_of_its_own_it_reads(settings: type[CommonSettings]) -> None:
    readme = ROOT / Path(*settings.__module__.split(".")[:-1]) / "README.md"
    common = {field.encode_name for field in msgspec.structs.fields(CommonSettings)}
    own = {field.encode_name for field in msgspec.structs.fields(settings)} - common

    told = readme.read_text()
    assert {name for name in own if f"`{name}`" not in told} == set()


@pytest.mark.parametrize("name", sorted(_fields()))
def test_the_doc_tells_the_default(name: str) -> None:
    default, said = _fields()[name], NAMED[name]
    if isinstance(default, Rate):
        assert said == f"{default.count}/{default.seconds}"
    elif default in ("", None) or not isinstance(default, str | int | float):
        assert not re.fullmatch(r"[\d.]+", said)
    elif name not in {"SMTP_PORT", "LIMIT_UPLOAD_MEGABYTES_PER_DAY"}:
        assert said == (f"{default:g}" if isinstance(default, float) else str(default))
