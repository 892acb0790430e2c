"""The doctor knows what a service refuses to start on; one mistake costs no other answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import services
from libs.errors import SettingsError
from libs.redis.link import RedisRefused
from ops import doctor
from ops.doctor_settings import OF_SERVICES
from ops.finding import Finding
from tests.unit.ops.desks import stores, well

SMTP = {"MAIL": "smtp", "PUBLIC_URL": "https://chat.example.com"}


async def asked(environ: Mapping[str, str]) -> dict[str, Finding]:
    shown = await doctor.doctor(stores(dict(environ)).desk)
    assert isinstance(shown.data, list)
    assert shown.code == 1
    return {finding.what: finding for finding in shown.data}


def test_every_service_is_known() -> None:
    folders = [path.parent.name for path in Path(services.__path__[0]).glob("*/settings.py")]

    assert sorted(OF_SERVICES) == sorted(folders)


@pytest.mark.parametrize(
    ("service", "environ", "named"),
    [
        ("gateway", {"TRUSTED_HOPS": "abc"}, ["TRUSTED_HOPS"]),
        ("gateway", {"LIMIT_TRIGGERS_PER_THREAD": "foo"}, ["LIMIT_TRIGGERS_PER_THREAD"]),
        (
            "gateway",
            {"LIMIT_TRIGGERS_PER_THREAD": "foo", "TRUSTED_HOPS": "-1"},
            ["TRUSTED_HOPS", "LIMIT_TRIGGERS_PER_THREAD"],
        ),
        ("gateway", {"CHATKIT_RUNTIME_URLS": "http://x"}, ["CHATKIT_RUNTIME_URLS"]),
        ("session", {"WATCH_SECONDS": "soon"}, ["WATCH_SECONDS"]),
        (
            "session",
            {"CONVERSATIONS": "hosted", "OPENAI_API_KEY": "sk"},
            ["CHATKIT_WORKFLOW_ID"],
        ),
        ("chat", {"LIMIT_ANSWERS_PER_THREAD": "1"}, ["LIMIT_ANSWERS_PER_THREAD"]),
        ("lead", {"PARTIAL_AFTER_SECONDS": "x"}, ["PARTIAL_AFTER_SECONDS"]),
        ("chat, lead", {"LIMIT_MODEL_CALLS_PER_DAY": "x"}, ["LIMIT_MODEL_CALLS_PER_DAY"]),
        ("mailer", {"DUPLICATE_POLICY": "never_three"}, ["DUPLICATE_POLICY"]),
        ("mailer", SMTP, ["SMTP_HOST"]),
        ("mailer", {**SMTP, "ALERT_EMAIL": "x"}, ["ALERT_EMAIL", "SMTP_HOST"]),
        (
            "attachments",
            {"LIMIT_UPLOAD_MEGABYTES_PER_DAY": "x"},
            ["LIMIT_UPLOAD_MEGABYTES_PER_DAY"],
        ),
    ],
)  # fmt: skip
async def test_a_fault_of_one_service_is_named_once(
    service: str, environ: dict[str, str], named: list[str]
) -> None:
    findings = await asked(environ)

    at_fault = findings["settings"]
    assert not well(at_fault)
    assert f"with it {service} will not start" in at_fault.do
    told = [one.what for name in named for one in findings.values() if name in one.said]
    assert told == ["settings"] * len(named)
    assert [at_fault.said.index(name) for name in named] == sorted(map(at_fault.said.index, named))


async def test_a_fault_of_all_services_hides_no_other() -> None:
    environ = {"RECORDS": "sqlit", "TRUSTED_HOPS": "abc", "HANDOFF_PORT": "x"}

    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsError) as refused:
            await doctor.examine(environ, stack)

    assert [str(refused.value).count(name) for name in environ] == [1, 1, 1]


async def test_questions_that_need_a_wrong_setting_wait_for_it() -> None:
    findings = await asked(SMTP)

    for name in ("mail", "fallback mail", "mail events", "alerts"):
        assert (findings[name].said, findings[name].do) == ("unknown", "Mend the settings first.")
    assert well(findings["model"])


async def test_what_only_its_own_question_finds_is_a_setting_all_the_same(tmp_path: Path) -> None:
    dkim = {"SMTP_DKIM_DOMAIN": "craigs.autos", "SMTP_DKIM_SELECTOR": "mail"}
    missing = str(tmp_path / "dkim.pem")

    findings = await asked(
        {**SMTP, **dkim, "SMTP_HOST": "127.0.0.1", "SMTP_DKIM_KEY_FILE": missing}
    )

    assert well(findings["settings"])
    assert "SMTP_DKIM_KEY_FILE" in findings["mail"].said
    assert findings["mail"].do.startswith("Mend the setting that is named")


async def test_many_machines_need_keys_and_one_machine_makes_them(tmp_path: Path) -> None:
    one = {"HANDOFF_DATA": str(tmp_path), "SITE_KEYS": "", "REDIS_URL": "redis://127.0.0.1:1/0"}

    assert well((await asked(one))["settings"])
    assert "SITE_KEYS is not set" in (await asked(one | {"RECORDS": "dynamodb"}))["settings"].said


@pytest.mark.parametrize("failure", [RuntimeError("odd"), RedisRefused("NOAUTH")], ids=type)
async def test_a_question_that_breaks_costs_no_other(failure: Exception) -> None:
    class Breaking:
        def __getattr__(self, _: str) -> object:
            raise failure

    desk = stores().desk
    broken = dataclasses.replace(desk, streams=Breaking(), records=Breaking(), blobs=Breaking())

    shown = await doctor.doctor(broken)

    assert isinstance(shown.data, list)
    findings = {finding.what: finding for finding in shown.data}
    assert len(findings) == len([*doctor.FIRST, *doctor.OF_STORES, *doctor.OTHERS])
    assert str(failure) in findings["records"].said
    assert [findings[name].ok for name in ("settings", "mail", "conversations")] == [True] * 3


async def test_a_store_that_breaks_while_it_opens_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does on a profile of AWS that is not there, which its library reads by itself."""
    (tmp_path / "records.sqlite3").touch()
    (tmp_path / "blobs").mkdir()

    async def breaks(*_: object) -> None:
        raise RuntimeError("The config profile (nope) could not be found")

    monkeypatch.setattr("ops.desk.open_records", breaks)
    async with AsyncExitStack() as stack:
        shown = await doctor.examine({"HANDOFF_DATA": str(tmp_path)}, stack)

    assert isinstance(shown.data, list)
    findings = {finding.what: finding for finding in shown.data}
    assert "profile (nope)" in findings["stores"].said
    assert "AWS" in findings["stores"].do
    assert {"settings", "redis", "mail", "streams", "model"} <= findings.keys()
