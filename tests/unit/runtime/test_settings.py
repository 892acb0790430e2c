"""Settings: every wrong one is one sentence that names it."""

from __future__ import annotations

import pytest

from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings, Rate, load, parse_rate


class Sample(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    limit_sessions_per_address: Rate = Rate(10, 60)


def test_defaults_need_no_environment() -> None:
    settings = load(Sample, {})

    assert settings.port == 8080
    assert settings.records == "sqlite"
    assert settings.limit_sessions_per_address == Rate(10, 60)


def test_reads_names_types_and_rates() -> None:
    settings = load(
        Sample,
        {
            "HANDOFF_PORT": "9090",
            "HANDOFF_DATA": "shop-data",
            "QUIET_SECONDS": "2.5",
            "LIMIT_SESSIONS_PER_ADDRESS": "3/1",
            "PATH": "ignored",
        },
    )

    assert settings.port == 9090
    assert settings.data == "shop-data"
    assert settings.quiet_seconds == 2.5
    assert settings.limit_sessions_per_address == Rate(3, 1)


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(Sample, {"HANDOFF_PORT": "", "RECORDS": ""}) == load(Sample, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HANDOFF_PORT", "eighty"),
        ("HANDOFF_PORT", "99999"),
        ("HANDOFF_PORT", "-1"),
        ("HANDOFF_PORT", "0"),
        ("QUIET_SECONDS", "-1"),
        ("QUIET_SECONDS", "nan"),
        ("SWEEP_SECONDS", "0"),
        ("LEASE_SECONDS", "inf"),
        ("RECORDS", "postgres"),
        ("QUIET_SECONDS", "soon"),
        ("LIMIT_SESSIONS_PER_ADDRESS", "10 per minute"),
        ("LIMIT_SESSIONS_PER_ADDRESS", "0/60"),
    ],
)
def test_a_wrong_one_is_named_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Sample, {name: value})

    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_short_keys_are_refused_without_showing_them() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Sample, {"SITE_KEYS": "short-key"})

    assert "SITE_KEYS" in str(caught.value)
    assert "short-key" not in str(caught.value)


def test_keys_are_newest_first_and_one_key_is_enough() -> None:
    new, old = "n" * 32, "o" * 32

    assert load(Sample, {"SITE_KEYS": f"{new}, {old}"}).keys == (new, old)
    assert load(Sample, {"SITE_KEY": old}).keys == (old,)


def test_off_is_a_rate() -> None:
    assert parse_rate("OFF").off
    assert not parse_rate("1/1").off


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - told apart
        ("192.0.2.7", "http://192.0.2.7:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
    ],
)
def test_the_address_to_open_is_one_that_answers(host: str, url: str) -> None:
    settings = load(Sample, {"HANDOFF_HOST": host})

    assert settings.local_url == settings.base_url == url
