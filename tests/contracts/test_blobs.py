"""What every blob store promises: memory, a folder and S3."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from libs.attachments.records import LARGEST_BYTES
from libs.blobs.fakes import MemoryBlobs
from libs.blobs.folder import open_folder
from libs.blobs.open import open_blobs
from libs.blobs.port import Blob, BlobMissingError, Blobs
from libs.blobs.s3 import PART_BYTES, S3Blobs
from libs.blobs.small import FILE, SMALL_BYTES, TwoSizeBlobs
from libs.errors import SettingsError, Unavailable
from libs.runtime.settings import CommonSettings
from services.attachments.handlers import COPIES_AT_ONCE
from tests.servers import free_port

MIB = 1024 * 1024
FileOf = Callable[[bytes], Path]


async def all_of(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


async def keys(blobs: Blobs, prefix: str) -> list[str]:
    return [info.key async for info in blobs.list(prefix)]


class BlobsContract:
    """Inherited by one class per adapter; `blobs` is the adapter, empty."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> FileOf:
        """A file of these bytes."""

        def written(body: bytes) -> Path:
            path = tmp_path / uuid.uuid4().hex
            path.write_bytes(body)
            return path

        return written

    async def test_gives_back_what_was_put(self, blobs: Blobs) -> None:
        await blobs.put("a/b-1.jpg", b"bytes", content_type="image/jpeg")

        assert await blobs.get("a/b-1.jpg") == b"bytes"

    async def test_an_empty_blob_is_a_blob(self, blobs: Blobs, file: FileOf) -> None:
        await blobs.put("empty", b"", content_type="text/plain")
        await blobs.put_file("empty2", file(b""), content_type="text/plain")

        assert await blobs.get("empty") == b""
        assert await all_of(blobs.stream("empty2")) == b""

    async def test_says_what_it_knows(self, blobs: Blobs) -> None:
        await blobs.put("a.jpg", b"12345", content_type="image/jpeg")
        await blobs.put("b.jpg", b"12", content_type="text/odd")

        a, b = await blobs.info("a.jpg"), await blobs.info("b.jpg")

        assert a
        assert b
        assert (a.key, a.size_bytes, a.content_type) == ("a.jpg", 5, "image/jpeg")
        assert b.content_type == "text/odd"
        assert a.etag

    async def test_the_etag_changes_with_the_bytes(self, blobs: Blobs) -> None:
        await blobs.put("a", b"12345", content_type="text/plain")
        before = await blobs.info("a")
        await blobs.put("a", b"1234", content_type="image/png")
        after = await blobs.info("a")

        assert before
        assert after
        assert before.etag != after.etag
        assert after.content_type == "image/png"

    async def test_knows_when_there_is_nothing(self, blobs: Blobs) -> None:
        assert await blobs.info("nothing") is None
        assert not await blobs.delete("nothing")
        with pytest.raises(BlobMissingError):
            await blobs.get("nothing")
        with pytest.raises(BlobMissingError):
            await all_of(blobs.stream("nothing", start=1, end=5))

    async def test_takes_several_at_once(self, blobs: Blobs) -> None:
        await blobs.put("b/one", b"old", content_type="text/plain")
        await blobs.put_all(
            Blob("b/one", b"new", "text/plain"),
            Blob("b/large", b"x" * 100_000, "image/jpeg"),
            Blob("b/two", b"", "text/plain"),
        )
        await blobs.put_all(Blob("b/three", b"3", "text/plain"), Blob("b/four", b"4", "text/plain"))

        assert await blobs.get("b/one") == b"new"
        assert len(await blobs.get("b/large")) == 100_000
        sizes = [(info.key, info.size_bytes) async for info in blobs.list("b/")]
        assert sizes == [
            ("b/four", 1), ("b/large", 100_000), ("b/one", 3), ("b/three", 1), ("b/two", 0),
        ]  # fmt: skip

    async def test_replaces(self, blobs: Blobs) -> None:
        await blobs.put("a", b"old", content_type="text/plain")
        await blobs.put("a", b"new", content_type="text/plain")

        assert await blobs.get("a") == b"new"

    async def test_forgets(self, blobs: Blobs) -> None:
        await blobs.put("a", b"old", content_type="text/odd")

        assert await blobs.delete("a")
        assert await blobs.info("a") is None
        assert await keys(blobs, "") == []

    @pytest.mark.parametrize(
        ("start", "end", "wanted"),
        [
            (0, None, b"0123456789"), (3, None, b"3456789"), (3, 5, b"34"), (0, 99, b"0123456789"),
            (9, 10, b"9"), (4, 4, b""), (10, None, b""), (50, 60, b""),
        ],
    )  # fmt: skip
    async def test_streams_a_range(
        self, blobs: Blobs, start: int, end: int | None, wanted: bytes
    ) -> None:
        await blobs.put("a", b"0123456789", content_type="text/plain")

        assert await all_of(blobs.stream("a", start=start, end=end)) == wanted

    @pytest.mark.parametrize("size", [1, 5 * MIB, 5 * MIB + 1, 19 * MIB + 7])
    async def test_takes_a_file_and_gives_it_in_pieces(
        self, blobs: Blobs, file: FileOf, size: int
    ) -> None:
        body = os.urandom(size)
        await blobs.put_file("big.png", file(body), content_type="image/png")

        given = [piece async for piece in blobs.stream("big.png")]
        assert b"".join(given) == body
        assert max(map(len, given)) <= MIB
        info = await blobs.info("big.png")
        assert info
        assert (info.size_bytes, info.content_type) == (size, "image/png")

    async def test_a_file_replaces_what_was_there(self, blobs: Blobs, file: FileOf) -> None:
        await blobs.put("a", b"old", content_type="text/plain")
        await blobs.put_file("a", file(b"new"), content_type="text/plain")

        assert await blobs.get("a") == b"new"

    async def test_a_file_that_cannot_be_read_leaves_the_old_bytes(
        self, blobs: Blobs, tmp_path: Path
    ) -> None:
        await blobs.put("a", b"old", content_type="text/plain")
        with pytest.raises((Unavailable, OSError)):
            await blobs.put_file("a", tmp_path / "gone", content_type="text/plain")

        assert await blobs.get("a") == b"old"

    async def test_writers_at_once_leave_one_of_them(self, blobs: Blobs) -> None:
        bodies = [bytes([n]) * 70_000 for n in range(20)]

        await asyncio.gather(*(blobs.put("a", b, content_type="text/plain") for b in bodies))

        assert await blobs.get("a") in bodies

    async def test_lists_by_prefix_in_order(self, blobs: Blobs) -> None:
        for key in ("a/2", "a/1", "b/1", "a-b", "ab", "a/1.x/y"):
            await blobs.put(key, b"x", content_type="text/plain")

        assert await keys(blobs, "a/") == ["a/1", "a/1.x/y", "a/2"]
        assert await keys(blobs, "a/1") == ["a/1", "a/1.x/y"]
        assert await keys(blobs, "") == ["a-b", "a/1", "a/1.x/y", "a/2", "ab", "b/1"]
        assert await keys(blobs, "c/") == []

    async def test_lists_more_than_a_page(self, blobs: Blobs) -> None:
        for n in range(230):
            await blobs.put(f"p/{n:03}", b"", content_type="text/plain")

        assert await keys(blobs, "p/") == [f"p/{n:03}" for n in range(230)]

    @pytest.mark.parametrize(
        "key",
        ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\x00b", "a b",
         "ä", "a\\b", "a\n", "x" * 900],
    )  # fmt: skip
    async def test_refuses_a_key_that_could_lead_elsewhere(
        self, blobs: Blobs, file: FileOf, key: str
    ) -> None:
        with pytest.raises(ValueError, match="key"):
            await blobs.put(key, b"x", content_type="text/plain")
        with pytest.raises(ValueError, match="key"):
            await blobs.get(key)
        with pytest.raises(ValueError, match="key"):
            await blobs.put_file(key, file(b"x"), content_type="text/plain")
        with pytest.raises(ValueError, match="key"):
            await blobs.delete(key)


class TestMemoryBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()


class TestFolderBlobs(BlobsContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "new" / "blobs"

    @pytest.fixture
    async def blobs(self, root: Path) -> Blobs:
        return await open_folder(root)

    async def test_follows_no_link_out_of_the_folder(
        self, blobs: Blobs, root: Path, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.mkdir()
        (secret / "file").write_text("secret")
        (root / "link").symlink_to(secret / "file")
        (root / "folder").symlink_to(secret)

        for key in ("link", "folder/file"):
            with pytest.raises(BlobMissingError):
                await blobs.get(key)
            assert await blobs.info(key) is None
            assert not await blobs.delete(key)
            with pytest.raises(BlobMissingError):
                await blobs.put(key, b"x", content_type="text/plain")
        assert await keys(blobs, "") == []
        assert (secret / "file").read_text() == "secret"

    async def test_leaves_no_unfinished_file(
        self, blobs: Blobs, root: Path, file: FileOf, tmp_path: Path
    ) -> None:
        await blobs.put("a", b"x", content_type="text/plain")
        await blobs.put_file("b", file(b"x"), content_type="text/plain")
        with pytest.raises(Unavailable):
            await blobs.put_file("c", tmp_path / "gone", content_type="text/plain")

        assert list((root / ".unfinished").iterdir()) == []

    async def test_a_file_is_taken_over_not_copied(
        self, blobs: Blobs, root: Path, file: FileOf
    ) -> None:
        given = file(b"x")
        was = given.stat()
        await blobs.put_file("a/b", given, content_type="text/plain")

        kept = (root / "a" / "b").stat()
        assert (was.st_mode & 0o777, kept.st_mode & 0o777) == (0o644, 0o600)
        assert kept.st_ino == was.st_ino

    async def test_sweeps_what_a_killed_process_left(self, blobs: Blobs, root: Path) -> None:
        old, fresh = root / ".unfinished" / "old", root / ".unfinished" / "fresh"
        old.touch()
        fresh.touch()
        os.utime(old, (time.time() - 7200,) * 2)

        await open_folder(root)

        assert (old.exists(), fresh.exists()) == (False, True)

    async def test_belongs_to_this_user_alone(self, blobs: Blobs, root: Path) -> None:
        await blobs.put("a/b", b"x", content_type="text/plain")

        assert (root / "a").stat().st_mode & 0o077 == 0
        assert (root / "a" / "b").stat().st_mode & 0o077 == 0

    async def test_refuses_a_folder_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")

        with pytest.raises(SettingsError, match="HANDOFF_DATA"):
            await open_folder(tmp_path / "file")

    async def test_says_when_the_disk_refuses(
        self, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)

        with pytest.raises(Unavailable, match="blobs"):
            await blobs.put("a", b"x", content_type="text/plain")
        assert await blobs.info("a") is None


class TestTwoSizeBlobs(BlobsContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> CommonSettings:
        return CommonSettings(data=str(tmp_path / "new"))

    @pytest.fixture
    async def blobs(self, settings: CommonSettings) -> AsyncIterator[Blobs]:
        async with contextlib.AsyncExitStack() as stack:
            yield await open_blobs(settings, stack)

    @pytest.fixture
    def root(self, settings: CommonSettings, blobs: Blobs) -> Path:
        return settings.data_path / "blobs"

    async def test_small_ones_make_no_file(self, blobs: Blobs, root: Path) -> None:
        await blobs.put("a/small", bytes(SMALL_BYTES), content_type="text/plain")
        await blobs.put("a/large", bytes(SMALL_BYTES + 1), content_type="text/plain")

        assert [path.name for path in (root / "a").iterdir()] == ["large"]
        assert await keys(blobs, "a/") == ["a/large", "a/small"]

    @pytest.mark.parametrize("sizes", [(10, SMALL_BYTES + 1), (SMALL_BYTES + 1, 10)])
    async def test_a_blob_that_changes_its_size_is_still_one(
        self, blobs: Blobs, sizes: tuple[int, int]
    ) -> None:
        old, new = (bytes([at]) * size for at, size in enumerate(sizes))
        await blobs.put("a", old, content_type="text/plain")
        await blobs.put("a", new, content_type="image/png")

        assert await blobs.get("a") == new
        assert [(each.key, each.size_bytes) async for each in blobs.list("")] == [("a", sizes[1])]
        info = await blobs.info("a")
        assert info
        assert (info.size_bytes, info.content_type) == (sizes[1], "image/png")
        assert await blobs.delete("a")
        assert await blobs.info("a") is None

    async def test_small_ones_at_once_share_a_commit(self, blobs: TwoSizeBlobs) -> None:
        said = list[str]()
        await blobs._writer.run(lambda db: db.set_trace_callback(said.append))

        await blobs.put_all(Blob("a", b"1", "text/plain"), Blob("b", b"2", "text/plain"))

        listening, *puts = said
        assert listening == "COMMIT"
        assert [put.split()[0] for put in puts] == ["INSERT"]

    async def test_a_file_replaces_a_small_one(self, blobs: Blobs, file: FileOf) -> None:
        await blobs.put("a", b"old", content_type="text/plain")
        await blobs.put_file("a", file(b"new"), content_type="text/plain")

        assert await blobs.get("a") == b"new"

    async def test_sizes_are_listed_as_one(self, blobs: Blobs) -> None:
        wanted = []
        for number in range(450):
            size = SMALL_BYTES + 1 if number % 9 == 0 else 1
            await blobs.put(f"p/{number:03}", bytes(size), content_type="text/plain")
            wanted.append((f"p/{number:03}", size))

        assert [(each.key, each.size_bytes) async for each in blobs.list("p/")] == wanted

    async def test_is_seen_by_other_processes(self, blobs: Blobs, settings: CommonSettings) -> None:
        await blobs.put("a", b"x", content_type="text/plain")

        async with contextlib.AsyncExitStack() as stack:
            assert await (await open_blobs(settings, stack)).get("a") == b"x"

    async def test_belongs_to_this_user_alone(self, blobs: Blobs, root: Path) -> None:
        await blobs.put("a", b"x", content_type="text/plain")

        for name in (FILE, f"{FILE}-wal"):
            assert (root / name).stat().st_mode & 0o077 == 0

    async def test_nothing_is_left_of_what_was_deleted(
        self, settings: CommonSettings, tmp_path: Path
    ) -> None:
        async with contextlib.AsyncExitStack() as stack:
            blobs = await open_blobs(settings, stack)
            await blobs.put("a", b"408-555-0176" * 99, content_type="text/plain")
            await blobs.delete("a")

        left = (settings.data_path / "blobs").glob(f"{FILE}*")
        assert not any(b"555-0176" in path.read_bytes() for path in left)

    async def test_says_when_the_file_is_locked(
        self, settings: CommonSettings, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("libs.databases.sqlite.BUSY_SECONDS", 0.05)
        async with contextlib.AsyncExitStack() as stack:
            blobs = await open_blobs(settings, stack)
            with contextlib.closing(sqlite3.connect(root / FILE, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(Unavailable, match="blobs"):
                    await blobs.put("a", b"x", content_type="text/plain")
                other.execute("ROLLBACK")

            await blobs.put("b", b"x", content_type="text/plain")
            assert await keys(blobs, "") == ["b"]

    async def test_refuses_a_file_that_is_no_database(self, settings: CommonSettings) -> None:
        root = settings.data_path / "blobs"
        root.mkdir(parents=True)
        (root / FILE).write_bytes(b"not a database" * 99)

        with pytest.raises(SettingsError, match="HANDOFF_DATA"):
            async with contextlib.AsyncExitStack() as stack:
                await open_blobs(settings, stack)


@contextlib.asynccontextmanager
async def forgetful_s3() -> AsyncIterator[str]:
    """An S3 that keeps nothing: what memory an upload takes is then the client's alone."""

    async def answer(request: web.Request) -> web.StreamResponse:
        async for _ in request.content.iter_chunked(65_536):
            pass
        name = "InitiateMultipartUploadResult" if "uploads" in request.query else "Done"
        body = f"<{name}><UploadId>u</UploadId></{name}>"
        return web.Response(text=body, content_type="application/xml", headers={"ETag": '"e"'})

    app = web.Application()
    app.router.add_route("*", "/{all:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.slow
class TestS3Blobs(BlobsContract):
    @pytest.fixture
    def settings(self, moto_url: str) -> CommonSettings:
        return CommonSettings(
            blobs="s3", aws_endpoint_url=moto_url, s3_bucket=f"b{uuid.uuid4().hex}",
            s3_sse="AES256",
        )  # fmt: skip

    @pytest.fixture
    async def blobs(self, settings: CommonSettings) -> AsyncIterator[Blobs]:
        async with contextlib.AsyncExitStack() as stack:
            yield await open_blobs(settings, stack)

    async def test_a_broken_upload_is_aborted(
        self, blobs: S3Blobs, file: FileOf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload_part = blobs._client.upload_part

        async def breaks(**arguments: Any) -> Any:
            if arguments["PartNumber"] == 2:
                raise ConnectionResetError("the network left")
            return await upload_part(**arguments)

        monkeypatch.setattr(blobs._client, "upload_part", breaks)
        with pytest.raises(Unavailable):
            await blobs.put_file("half", file(bytes(12 * MIB)), content_type="image/png")

        uploads = await blobs._client.list_multipart_uploads(Bucket=blobs._bucket)
        assert uploads.get("Uploads", []) == []
        assert await blobs.info("half") is None

    async def test_as_many_files_as_are_kept_at_once_are_never_held_whole(
        self, file: FileOf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        files = [file(bytes(LARGEST_BYTES)) for _ in range(COPIES_AT_ONCE)]
        async with forgetful_s3() as url, contextlib.AsyncExitStack() as stack:
            settings = CommonSettings(blobs="s3", aws_endpoint_url=url, s3_bucket="b")
            blobs = await open_blobs(settings, stack)
            tracemalloc.start()
            puts = [blobs.put_file(one.name, one, content_type="image/png") for one in files]
            await asyncio.gather(*puts)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()

        assert most < COPIES_AT_ONCE * (PART_BYTES + 2 * MIB)

    async def test_is_encrypted_where_asked(self, blobs: Blobs) -> None:
        await blobs.put("a", b"x", content_type="text/plain")

        head = await blobs._client.head_object(Bucket=blobs._bucket, Key="a")
        assert head["ServerSideEncryption"] == "AES256"

    async def test_opens_a_bucket_that_is_there(
        self, blobs: Blobs, settings: CommonSettings
    ) -> None:
        await blobs.put("a", b"x", content_type="text/plain")

        async with contextlib.AsyncExitStack() as stack:
            assert await (await open_blobs(settings, stack)).get("a") == b"x"

    async def test_refuses_a_bucket_that_nobody_made(self, moto_url: str) -> None:
        from libs.blobs.s3 import open_s3

        with pytest.raises(SettingsError, match="nowhere"):
            async with open_s3(
                bucket="nowhere", region="us-east-1", endpoint_url=moto_url, sse="", create=False
            ):
                pass

    async def test_says_when_nobody_answers(self) -> None:
        settings = CommonSettings(
            blobs="s3", aws_endpoint_url=f"http://127.0.0.1:{free_port()}", s3_bucket="b"
        )
        with pytest.raises(SettingsError, match="S3 cannot be reached"):
            async with contextlib.AsyncExitStack() as stack:
                await open_blobs(settings, stack)


async def test_s3_needs_a_bucket() -> None:
    with pytest.raises(SettingsError, match="S3_BUCKET"):
        async with contextlib.AsyncExitStack() as stack:
            await open_blobs(CommonSettings(blobs="s3"), stack)
