"""Settings: every wrong one is one sentence that names it."""

from __future__ import annotations

import contextlib

import pytest

from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings, Rate, all_faults, load, parse_rate


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


ADDRESSES = (
    "OPENAI_BASE_URL", "ATTACHMENTS_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
)  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "not a url", "localhost:4566", "http://127.0.0.1:abc/v1", "http://h:99999",
        "http://u:secret@h:0", "http://[::1", "ftp://h", "http://", "http://h\n.example/",
        "http://two words",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_a_client_stumbles(name: str, url: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} must be an address such as .+\.$") as caught:
        load(Sample, {name: url})

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    "url", ["http://h", "https://h.example.:8443/v1?x=y", "http://[::1]:80", "http://u:p@10.0.0.7"]
)
def test_an_address_is_taken(name: str, url: str) -> None:
    load(Sample, {name: url})


@pytest.mark.parametrize(
    ("url", "ok"),
    [
        *((url, True) for url in ("http://dynamodb:8000", "http://[::1]:8000", "http://a.b.")),
        *((url, False) for url in ("http://dynamo_db:8000", "http://-a", "http://a..b")),
    ],
)
def test_an_address_for_amazons_library_is_one_that_it_takes(
    url: str,
    ok: bool,  # noqa: FBT001 - a column
) -> None:
    from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url

    name = "AWS_ENDPOINT_URL"

    assert (all_faults(Sample, {name: url}) == []) is ok
    assert bool(is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)) is ok
    assert all_faults(Sample, {"OPENAI_BASE_URL": "http://my_model:8000"}) == []


@pytest.mark.parametrize(
    ("region", "ok"),
    [
        ("us-east-1", True), ("a" * 63, True), ("us east", False), ("us_east", False),
        ("-a", False), ("a-", False), ("1", False), ("a" * 64, False),
    ],
)  # fmt: skip
def test_a_region_is_one_that_amazons_library_takes(
    region: str,
    ok: bool,  # noqa: FBT001 - a column
) -> None:
    from botocore.exceptions import InvalidRegionError
    from botocore.utils import validate_region_name

    with contextlib.nullcontext() if ok else pytest.raises(InvalidRegionError):
        validate_region_name(region)
    with contextlib.nullcontext() if ok else pytest.raises(SettingsError, match=r"^AWS_REGION"):
        load(Sample, {"AWS_REGION": region})


def test_all_faults_are_told_at_once_each_in_its_own_sentence() -> None:
    found = all_faults(Sample, {"HANDOFF_PORT": "x", "LIMIT_SESSIONS_PER_ADDRESS": "y", "MAIL": ""})
    together = all_faults(Sample, {"SITE_KEYS": "short", "AWS_REGION": "us east"})

    assert [said.split()[2] for said in found] == ["HANDOFF_PORT", "LIMIT_SESSIONS_PER_ADDRESS"]
    assert [said.split()[0] for said in together] == ["SITE_KEYS", "AWS_REGION"]
    assert all_faults(Sample, {}) == []


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
