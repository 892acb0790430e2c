"""Blobs in S3 or anything that speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from libs.blobs.keys import check_key, check_prefix
from libs.blobs.port import Blob, BlobInfo, BlobMissingError
from libs.errors import SettingsError, Unavailable
from libs.runtime.aws import aws_client

T = TypeVar("T")

CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 20
ANSWER_SECONDS: Final = 60
PART_BYTES: Final = 5 * 1024 * 1024
"""The least that S3 takes; one part is all that we ever hold."""
PIECE_BYTES: Final = 256 * 1024
MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
PAST_THE_END: Final = frozenset({"InvalidRange", "416"})


class S3Blobs:
    """Blobs. Repeating a put or get is harmless, so the client may retry by itself."""

    def __init__(self, client: Any, bucket: str, sse: str) -> None:
        self._client = client
        self._bucket = bucket
        self._encrypted = {"ServerSideEncryption": sse} if sse else {}

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        await self._call(
            "put_object", Key=check_key(key), Body=body, ContentType=content_type, **self._encrypted
        )

    async def put_all(self, *blobs: Blob) -> None:
        for blob in blobs:
            await self.put(blob.key, blob.body, content_type=blob.content_type)

    async def put_file(self, key: str, file: Path, *, content_type: str) -> None:
        named = {"Key": check_key(key)}
        typed = {"ContentType": content_type, **self._encrypted}
        with await _in_thread(lambda: file.open("rb")) as source:
            if os.fstat(source.fileno()).st_size <= PART_BYTES:
                await self._call("put_object", Body=await _part(source), **named, **typed)
                return
            upload = await self._call("create_multipart_upload", **named, **typed)
            named["UploadId"] = upload["UploadId"]
            try:
                await self._upload(named, source)
            except BaseException:
                with contextlib.suppress(Unavailable, BlobMissingError):
                    await asyncio.shield(self._call("abort_multipart_upload", **named))
                raise

    async def _upload(self, named: dict[str, str], source: IO[bytes]) -> None:
        size, done = os.fstat(source.fileno()).st_size, list[dict[str, Any]]()
        while len(done) * PART_BYTES < size:
            number = len(done) + 1
            answer = await self._call(
                "upload_part", **named, PartNumber=number, Body=await _part(source)
            )
            done.append({"PartNumber": number, "ETag": answer["ETag"]})
        await self._call("complete_multipart_upload", **named, MultipartUpload={"Parts": done})

    async def get(self, key: str) -> bytes:
        return b"".join([piece async for piece in self.stream(key)])

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        wanted = await self._range(check_key(key), start, end)
        if wanted is None:
            return
        try:
            answer = await self._call("get_object", Key=key, **wanted)
        except Unavailable as unavailable:
            if unavailable.reason.removeprefix("blobs: ") in PAST_THE_END:
                return
            raise
        async with answer["Body"] as body:
            while piece := await _answer(body.read(PIECE_BYTES)):
                yield piece

    async def _range(self, key: str, start: int, end: int | None) -> dict[str, str] | None:
        """What to ask for; None: nothing, the range is empty (S3 cannot say an empty range)."""
        if start == 0 and end is None:
            return {}
        if end is None:
            return {"Range": f"bytes={start}-"}
        if end > start:
            return {"Range": f"bytes={start}-{end - 1}"}
        await self._call("head_object", Key=key)
        return None

    async def info(self, key: str) -> BlobInfo | None:
        try:
            head = await self._call("head_object", Key=check_key(key))
        except BlobMissingError:
            return None
        return BlobInfo(
            key, head["ContentLength"], head["ETag"].strip('"'), head["ContentType"],
            head["LastModified"].timestamp(),
        )  # fmt: skip

    async def delete(self, key: str) -> bool:
        if await self.info(key) is None:
            return False
        await self._call("delete_object", Key=key)
        return True

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        wanted = {"Prefix": check_prefix(prefix)}
        while True:
            page = await self._call("list_objects_v2", **wanted)
            for found in page.get("Contents", ()):
                yield BlobInfo(
                    found["Key"], found["Size"], found["ETag"].strip('"'), "",
                    found["LastModified"].timestamp(),
                )  # fmt: skip
            if not page.get("IsTruncated"):
                return
            wanted["ContinuationToken"] = page["NextContinuationToken"]

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return await _answer(getattr(self._client, operation)(Bucket=self._bucket, **arguments))


async def _answer(call: Awaitable[T]) -> T:
    """The one table of S3's errors."""
    from aiohttp import ClientError as ConnectionBroken
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await call
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in MISSING:
            raise BlobMissingError(code) from error
        raise Unavailable("blobs", code) from error
    except (BotoCoreError, ConnectionBroken, TimeoutError, OSError) as error:
        raise Unavailable("blobs", type(error).__name__) from error


async def _part(source: IO[bytes]) -> io.BytesIO:
    """Nothing else holds its bytes: aiohttp copies what is shared."""
    return io.BytesIO(await _in_thread(lambda: source.read(PART_BYTES)))


async def _in_thread(read: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        raise Unavailable("blobs", type(error).__name__) from error


@contextlib.asynccontextmanager
async def open_s3(
    *, bucket: str, region: str, endpoint_url: str, sse: str, create: bool
) -> AsyncIterator[S3Blobs]:
    """Raises SettingsError when the bucket is not there for us."""
    from botocore.exceptions import BotoCoreError, ClientError

    session = aws_client(
        "s3",
        region,
        endpoint_url,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=50,
        request_checksum_calculation="when_required",  # not every S3 knows the newer checksums
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if create else {},
    )
    async with session as client:
        try:
            await _prepare(client, bucket, create=create)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise SettingsError(f"The S3 bucket {bucket} cannot be used: {code}.") from error
        except BotoCoreError as error:
            raise SettingsError(f"S3 cannot be reached: {error}.") from error
        yield S3Blobs(client, bucket, sse)


async def _prepare(client: Any, bucket: str, *, create: bool) -> None:
    from botocore.exceptions import ClientError

    try:
        await client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if not create or error.response["Error"]["Code"] not in MISSING | {"NoSuchBucket"}:
            raise
        await client.create_bucket(Bucket=bucket)
