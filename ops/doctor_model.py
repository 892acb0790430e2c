"""The doctor's question about the model: are we answered, and how long will it be offered?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from libs.runtime.settings import load
from ops.desk import Setup
from ops.finding import Finding
from services.lead.settings import LeadSettings

if TYPE_CHECKING:
    from openai import APIError

SECONDS: Final = 8.0
_SOON_DAYS: Final = 30
_OPENAI: Final = "api.openai.com"
_NO_LIST: Final = "Check OPENAI_BASE_URL: it ends with the version, as in https://host/v1."


async def model(desk: Setup) -> Finding:
    if not desk.settings.openai_api_key:
        said = "no OPENAI_API_KEY: practice agent, summaries by rule"
        return Finding(what="model", ok=True, said=said)
    from openai import APIError, AsyncOpenAI

    host = urlsplit(desk.settings.openai_base_url).hostname or _OPENAI
    client = AsyncOpenAI(
        api_key=desk.settings.openai_api_key,
        base_url=desk.settings.openai_base_url or None,
        timeout=SECONDS,
        max_retries=0,
    )
    try:
        async with client:
            answer = await client.models.with_raw_response.list()
            listed = msgspec.json.decode(answer.content, type=_Models)
    except APIError as error:
        return _refused(error, host)
    except msgspec.DecodeError:
        return _wrong(f"{host} answers with no list of models", _NO_LIST)
    name = load(LeadSettings, desk.environ).lead_summary_model
    return _model_finding(listed, name, desk.clock.now())


def _refused(error: APIError, host: str) -> Finding:
    """A connection is mended elsewhere than a key."""
    from openai import APIConnectionError, InternalServerError, NotFoundError

    kind = type(error).__name__
    cause = type(error.__cause__).__name__ if error.__cause__ else kind
    match error:
        case APIConnectionError() if cause == "LocalProtocolError":
            return _wrong(f"nothing was sent ({cause})", "OPENAI_API_KEY holds a line break.")
        case APIConnectionError():
            do = f"Check OPENAI_BASE_URL, and that this machine reaches {host}."
            return _wrong(f"no connection to {host} ({cause})", do)
        case NotFoundError():
            return _wrong(f"{host} answers {kind}", _NO_LIST)
        case InternalServerError():
            return _wrong(f"{host} answers {kind}", f"Ask again later: {host} has trouble itself.")
        case _:
            return _wrong(f"{host} answers {kind}", "Check OPENAI_API_KEY and billing.")


class _Model(msgspec.Struct):
    id: str
    shutdown_date: str | int | None = None
    """A day, or its first moment in seconds."""


class _Models(msgspec.Struct):
    data: list[_Model]


def _model_finding(listed: _Models, name: str, now: float) -> Finding:
    found = next((one for one in listed.data if one.id == name), None)
    if found is None:
        do = "Set LEAD_SUMMARY_MODEL to one that is."
        return _wrong(f"{name} is not offered to this key", do)
    if not found.shutdown_date:
        return Finding(what="model", ok=True, said=f"{name}, no end announced")
    ends = _ends(found.shutdown_date)
    days = (ends - day(now)).days
    do = "" if days > _SOON_DAYS else "Choose its successor in LEAD_SUMMARY_MODEL."
    said = f"{name}, ends {ends} (in {days} days)"
    return Finding(what="model", ok=days > _SOON_DAYS, said=said, do=do)


def _wrong(said: str, do: str) -> Finding:
    return Finding(what="model", ok=False, said=said, do=do)


def _ends(shutdown_date: str | int) -> date:
    if isinstance(shutdown_date, int):
        return day(shutdown_date)
    return date.fromisoformat(shutdown_date[:10])


def day(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
