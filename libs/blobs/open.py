"""Opens the blob store that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from libs.blobs.port import Blobs
from libs.errors import SettingsError
from libs.runtime.aws import is_stand_in
from libs.runtime.settings import CommonSettings

BLOBS_FOLDER: Final = "blobs"


async def open_blobs(settings: CommonSettings, stack: AsyncExitStack) -> Blobs:
    """Closed with `stack`. Raises SettingsError."""
    if settings.blobs == "folder":
        from libs.blobs.small import open_two_sizes

        folder = settings.data_path / BLOBS_FOLDER
        return await stack.enter_async_context(open_two_sizes(folder))
    if not settings.s3_bucket:
        raise SettingsError("BLOBS=s3 needs S3_BUCKET.")
    from libs.blobs.s3 import open_s3

    return await stack.enter_async_context(
        open_s3(
            bucket=settings.s3_bucket,
            region=settings.aws_region,
            endpoint_url=settings.s3_url,
            sse=settings.s3_sse,
            create=is_stand_in(settings.s3_url),
        )
    )
