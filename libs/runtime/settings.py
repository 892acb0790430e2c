"""Settings from the environment: one frozen class per service, one sentence when one is wrong.

A field's encoded name is its environment variable: `redis_url` is `REDIS_URL`, and the few that
begin with `HANDOFF_` say so. An empty variable counts as unset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from libs.errors import SettingsError

S = TypeVar("S", bound="CommonSettings")


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
PortOrNone = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Interval = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
"""Seconds between two looks, or that something lasts: zero would spin or never hold."""

LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - told apart, not listened on
KEY_CHARACTERS = 32
"""The shortest site key we accept."""


class Rate(msgspec.Struct, frozen=True):
    """`count/seconds`; count 0 means `off`."""

    count: int
    seconds: int

    @property
    def off(self) -> bool:
        return self.count == 0


class CommonSettings(msgspec.Struct, frozen=True, kw_only=True, rename=str.upper):
    """What every service needs. See `docs/settings.md` for each in words."""

    data: str = msgspec.field(default=".handoff", name="HANDOFF_DATA")
    host: str = msgspec.field(default="127.0.0.1", name="HANDOFF_HOST")
    port: Port = msgspec.field(default=8080, name="HANDOFF_PORT")
    """The gateway's."""
    attachments_url: str = ""
    """Where the attachments service listens; in one process it is found without."""
    attachments_port: Port = 8090
    inbox_port: Port = msgspec.field(default=8081, name="HANDOFF_INBOX_PORT")
    redis_url: str = ""
    records: Literal["sqlite", "dynamodb"] = "sqlite"
    blobs: Literal["folder", "s3"] = "folder"
    conversations: Literal["own", "hosted"] = "own"
    mail: Literal["outbox", "smtp", "ses"] = "outbox"
    """Only the outbox of one machine has an inbox to look into."""
    shops: str = "deploy/shops"
    site_keys: str = ""
    site_key: str = ""
    public_url: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = msgspec.field(
        default="info", name="HANDOFF_LOG_LEVEL"
    )
    dynamodb_table: str = "handoff"
    s3_bucket: str = ""
    s3_sse: str = ""
    aws_endpoint_url: str = ""
    aws_endpoint_url_dynamodb: str = ""
    aws_endpoint_url_s3: str = ""
    aws_region: str = "us-east-1"
    openai_api_key: str = ""
    openai_base_url: str = ""
    lease_seconds: Interval = 120
    sweep_seconds: Interval = 30
    quiet_seconds: Seconds = 300
    metrics_port: PortOrNone = msgspec.field(default=0, name="HANDOFF_METRICS_PORT")
    """Where a process serves /health and /metrics, besides what it serves anyway; 0: nowhere."""

    def faults(self) -> Iterator[str]:
        """A sentence for each thing that could not work, though every value has its type."""
        if any(len(key) < KEY_CHARACTERS for key in self.keys):
            yield (
                f"SITE_KEYS holds a key shorter than {KEY_CHARACTERS} characters; make a longer"
                " one."
            )
        yield from _no_addresses(self)
        if not _REGION.fullmatch(self.aws_region):
            yield "AWS_REGION must be the name of a region such as us-east-1."

    @property
    def data_path(self) -> Path:
        return Path(self.data)

    @property
    def dynamodb_url(self) -> str:
        """Empty: Amazon's own."""
        return self.aws_endpoint_url_dynamodb or self.aws_endpoint_url

    @property
    def s3_url(self) -> str:
        return self.aws_endpoint_url_s3 or self.aws_endpoint_url

    @property
    def local_url(self) -> str:
        """Where a browser on this machine finds the gateway."""
        if self.host in EVERYWHERE:
            return f"http://{LOOPBACK}:{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def attachments_at(self, *, one_machine: bool) -> str:
        """Where a process reaches the attachments service; empty: nowhere."""
        beside = f"http://{LOOPBACK}:{self.attachments_port}" if one_machine else ""
        return self.attachments_url.rstrip("/") or beside

    @property
    def base_url(self) -> str:
        """What links that we make begin with."""
        return (self.public_url or self.local_url).rstrip("/")

    @property
    def keys(self) -> tuple[str, ...]:
        """Site keys, newest first."""
        given = self.site_keys or self.site_key
        return tuple(part.strip() for part in given.split(",") if part.strip())


def load(cls: type[S], environ: Mapping[str, str]) -> S:
    """Raises SettingsError with one sentence that names the variable."""
    settings = _read(cls, environ)
    for sentence in settings.faults():
        raise SettingsError(sentence)
    return settings


def all_faults(cls: type[S], environ: Mapping[str, str]) -> list[str]:
    """Every sentence for which `load` would refuse, where that stops at the first."""
    names = [field.encode_name for field in msgspec.structs.fields(cls)]
    each_alone = [{name: environ[name]} for name in names if name in environ]
    malformed = [said for alone in each_alone if (said := _malformed(cls, alone))]
    return malformed or list(_read(cls, environ).faults())


def _malformed(cls: type[S], environ: Mapping[str, str]) -> str:
    try:
        _read(cls, environ)
    except SettingsError as error:
        return str(error)
    return ""


def _read(cls: type[S], environ: Mapping[str, str]) -> S:
    given = {
        field.encode_name: _plain(field, environ[field.encode_name])
        for field in msgspec.structs.fields(cls)
        if environ.get(field.encode_name)
    }
    try:
        return msgspec.convert(given, cls, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_sentence(str(error))) from error


def _plain(field: msgspec.structs.FieldInfo, value: str) -> object:
    if field.type is not Rate:
        return value
    try:
        return msgspec.to_builtins(parse_rate(value))
    except ValueError as error:
        raise SettingsError(f"The setting {field.encode_name} is wrong: {error}.") from error


def parse_rate(text: str) -> Rate:
    """`120/60` or `off`."""
    if text.strip().lower() == "off":
        return Rate(0, 1)
    found = re.fullmatch(r"(\d{1,9})/(\d{1,7})", text.strip())
    if not found or int(found[1]) < 1 or int(found[2]) < 1:
        raise ValueError(f"{text!r} is not `count/seconds` (such as 120/60) or `off`")
    return Rate(int(found[1]), int(found[2]))


def _sentence(error: str) -> str:
    """Msgspec's "Expected `int`, got `str` - at `$.HANDOFF_PORT`" with the name first."""
    what, _, where = error.rpartition(" - at `$.")
    return f"The setting {where.rstrip('`')} is wrong: {what}." if what else f"{error}."


_REGION: Final = re.compile(r"(?![0-9]+$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", re.ASCII)
_LABEL: Final = r"(?!-)[a-zA-Z0-9-]{1,63}(?<!-)"
_AWS_HOST: Final = re.compile(rf"({_LABEL}\.)*{_LABEL}\.?|[0-9a-f.]*:[0-9a-f:.]*", re.ASCII)
"""What AWS's SDK takes: over any other it ends in a traceback. An IPv6 address stands bare."""


def _no_addresses(given: CommonSettings) -> Iterator[str]:
    """What an HTTP client would stumble over only when it is first needed."""
    for name, url in (
        ("ATTACHMENTS_URL", given.attachments_url),
        ("OPENAI_BASE_URL", given.openai_base_url),
    ):
        if url and not _host(url):
            yield f"{name} must be an address such as https://host.example.com:8443."
    for name, url in (
        ("AWS_ENDPOINT_URL", given.aws_endpoint_url),
        ("AWS_ENDPOINT_URL_DYNAMODB", given.aws_endpoint_url_dynamodb),
        ("AWS_ENDPOINT_URL_S3", given.aws_endpoint_url_s3),
    ):
        if url and not _AWS_HOST.fullmatch(_host(url)):
            yield f"{name} must be an address such as http://host:8000, without `_` in the host."


def _host(url: str) -> str:
    """Empty: it is no address of an HTTP server."""
    try:
        split = urlsplit(url)
        usable = split.scheme in {"http", "https"} and split.port != 0
    except ValueError:  # a port of letters, a bracket that does not close
        return ""
    clean = url.isprintable() and " " not in url
    return (split.hostname or "") if usable and clean else ""
