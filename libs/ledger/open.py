"""Opens the lead records that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from libs.ledger.port import LeadRecords
from libs.ledger.record import LeadKey
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.settings import CommonSettings

SQLITE_FILE: Final = "records.sqlite3"
_NOBODY: Final = LeadKey("health", "health")


async def open_records(
    settings: CommonSettings, stack: AsyncExitStack, clock: Clock | None = None
) -> LeadRecords:
    """Closed with `stack`. Raises SettingsError."""
    if settings.records == "sqlite":
        from libs.ledger.sqlite import open_sqlite

        return await stack.enter_async_context(open_sqlite(settings.data_path / SQLITE_FILE))
    from libs.databases.dynamodb import open_table
    from libs.ledger.dynamodb import LAYOUT, DynamoLeadRecords

    opening = open_table(settings, "records", settings.dynamodb_table, LAYOUT)
    return DynamoLeadRecords(await stack.enter_async_context(opening), clock or SystemClock())


async def records_answer(records: LeadRecords) -> bool:
    """For `/health`, which takes Unavailable for a no."""
    await records.read(_NOBODY)
    return True
