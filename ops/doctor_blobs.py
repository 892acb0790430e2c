"""The doctor's questions about stored bytes: are they kept, and do they go when they should?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from libs.blobs.port import BlobMissingError
from libs.runtime.aws import aws_client
from ops.desk import Desk, Setup
from ops.finding import Finding
from services.lead.retention import KEPT_SECONDS

_BLOB: Final = "doctor/written.txt"
_DAY_SECONDS: Final = 86_400.0


async def blobs(desk: Desk) -> Finding:
    await desk.blobs.put(_BLOB, b"well", content_type="text/plain")
    try:
        well = await desk.blobs.get(_BLOB) == b"well"
    except BlobMissingError:
        well = False
    await desk.blobs.delete(_BLOB)
    do = "" if well else "Check the bucket's or the folder's permissions."
    return Finding(what="blobs", ok=well, said="written, read, deleted" if well else "lost", do=do)


async def retention(desk: Setup) -> Finding:
    """A folder is tidied by the lead service; of a bucket nobody but its own rules takes care."""
    if desk.settings.blobs == "folder":
        return Finding(what="retention", ok=True, said="the lead service tidies the folder daily")
    from botocore.exceptions import BotoCoreError, ClientError

    opened = aws_client("s3", desk.settings.aws_region, desk.settings.s3_url)
    try:
        async with opened as client:
            answer = await client.get_bucket_lifecycle_configuration(Bucket=desk.settings.s3_bucket)
    except (BotoCoreError, ClientError) as error:
        response = getattr(error, "response", {})
        code = response.get("Error", {}).get("Code") or type(error).__name__
        return _retention(f"the bucket's lifecycle rules: {code}", KEPT_SECONDS)
    kept = _kept_for_ever(msgspec.convert(answer.get("Rules", ()), tuple[_Rule, ...]))
    if kept:
        return _retention(f"no lifecycle rule of the bucket removes {', '.join(kept)}", kept)
    return Finding(what="retention", ok=True, said="the bucket's lifecycle rules see to it")


class _Expiration(msgspec.Struct, rename="pascal"):
    days: int = 0


class _Rule(msgspec.Struct, rename="pascal"):
    status: str = ""
    prefix: str = ""
    filter: dict[str, Any] = {}
    expiration: _Expiration = msgspec.field(default_factory=_Expiration)

    def removes(self, prefix: str, days: float) -> bool:
        """One that asks for tags or sizes as well does not count: we give none."""
        mine = prefix.startswith(self.filter.get("Prefix", self.prefix))
        plain = self.filter.keys() <= {"Prefix"}
        return self.status == "Enabled" and plain and mine and 0 < self.expiration.days <= days


def _kept_for_ever(rules: tuple[_Rule, ...]) -> list[str]:
    return [
        prefix
        for prefix, seconds in KEPT_SECONDS.items()
        if not any(rule.removes(prefix, seconds / _DAY_SECONDS) for rule in rules)
    ]


def _retention(said: str, prefixes: Iterable[str]) -> Finding:
    days = ", ".join(f"{prefix} {KEPT_SECONDS[prefix] / _DAY_SECONDS:.0f}" for prefix in prefixes)
    do = f"Give the bucket rules with Expiration.Days: {days}."
    return Finding(what="retention", ok=False, said=said, do=do)
