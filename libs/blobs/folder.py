"""Blobs as files below one folder: written aside, flushed, renamed; never outside, never a link."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, Final, TypeVar

from libs.blobs.keys import check_key, check_prefix
from libs.blobs.port import Blob, BlobInfo, BlobMissingError
from libs.errors import SettingsError, Unavailable

T = TypeVar("T")

ANSWER_SECONDS: Final = 30.0
PIECE_BYTES: Final = 256 * 1024
UNFINISHED: Final = ".unfinished"
"""Where blobs grow before they get their name."""
UNFINISHED_SECONDS: Final = 3600
"""A file there that nobody has touched for so long belonged to a process that died."""
TYPES: Final = ".types"
"""Where the content type stands that a blob's name does not tell."""
TYPE_OF_NAME: Final = {
    ".avif": "image/avif", ".eml": "message/rfc822", ".gif": "image/gif", ".heic": "image/heic",
    ".heif": "image/heif", ".jpg": "image/jpeg", ".json": "application/json",
    ".pdf": "application/pdf", ".png": "image/png", ".txt": "text/plain", ".webp": "image/webp",
}  # fmt: skip
UNKNOWN_TYPE: Final = "application/octet-stream"


class FolderBlobs:
    """Blobs. File work runs in threads; files belong to this user alone (they are customers')."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        def write() -> None:
            with self._unfinished() as path:
                path.write_bytes(body)
                self._finish(path, key, content_type)

        check_key(key)
        await _in_thread(write)

    async def put_all(self, *blobs: Blob) -> None:
        for blob in blobs:
            await self.put(blob.key, blob.body, content_type=blob.content_type)

    async def put_file(self, key: str, file: Path, *, content_type: str) -> None:
        """The file itself gets the name: no byte is written twice, unless it is on another disk."""

        def move() -> None:
            with self._unfinished() as path:
                shutil.move(file, path)
                self._finish(path, key, content_type)

        check_key(key)
        await _in_thread(move)

    async def get(self, key: str) -> bytes:
        def read() -> bytes:
            with self._open(key) as file:
                return file.read()

        return await _in_thread(read)

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        file = await _in_thread(lambda: self._open(key))
        try:
            await _in_thread(lambda: file.seek(start))
            while left := PIECE_BYTES if end is None else min(PIECE_BYTES, end - file.tell()):
                piece = await _in_thread(lambda: file.read(max(left, 0)))
                if not piece:
                    break
                yield piece
        finally:
            file.close()

    async def info(self, key: str) -> BlobInfo | None:
        with contextlib.suppress(BlobMissingError):
            return await _in_thread(lambda: self._info(check_key(key)))
        return None

    async def delete(self, key: str) -> bool:
        def remove() -> None:
            with _missing():
                self._place(key).unlink()
            (self._root / TYPES / key).unlink(missing_ok=True)

        with contextlib.suppress(BlobMissingError):
            await _in_thread(remove)
            return True
        return False

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        found = self._walk(check_prefix(prefix))
        while page := await _in_thread(lambda: list(itertools.islice(found, 200))):
            for info in page:
                yield info

    def has(self, key: str) -> bool:
        """Whether a file has this name; a link may. Blocks, briefly."""
        return (self._root / key).exists()

    def has_folder(self, prefix: str) -> bool:
        """Whether any file can have this prefix. Blocks, briefly."""
        return os.path.isdir(f"{self._root}/{prefix.rpartition('/')[0]}")  # noqa: PTH112 - a tenth

    def _place(self, key: str) -> Path:
        """Where the blob lies. Raises BlobMissingError when a link stands anywhere on the way."""
        path = self._root / check_key(key)
        if path.resolve() != path:
            raise BlobMissingError(key)
        return path

    def _open(self, key: str) -> IO[bytes]:
        with _missing():
            return self._place(key).open("rb")

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """Where a file may grow; nothing is left of it unless it got its name."""
        path = self._root / UNFINISHED / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _finish(self, file: Path, key: str, content_type: str) -> None:
        """For this user's eyes only, and on disk before it has its name."""
        file.chmod(0o600)
        _flush(file)
        path = self._place(key)
        self._make_folder(path.parent)
        self._keep_type(key, content_type)
        file.rename(path)
        _flush(path.parent)

    def _keep_type(self, key: str, content_type: str) -> None:
        path = self._root / TYPES / key
        if TYPE_OF_NAME.get(path.suffix) == content_type:
            path.unlink(missing_ok=True)
            return
        self._make_folder(path.parent)
        path.write_text(content_type)

    def _make_folder(self, folder: Path) -> None:
        """With its parents, each of them on disk before anything stands in it."""
        if not folder.exists():
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            _flush(folder.parent)

    def _info(self, key: str) -> BlobInfo:
        path = self._place(key)
        with _missing():
            stat = path.stat()
        kept = self._root / TYPES / key
        content_type = kept.read_text() if kept.exists() else TYPE_OF_NAME.get(path.suffix)
        etag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}"
        return BlobInfo(key, stat.st_size, etag, content_type or UNKNOWN_TYPE, stat.st_mtime)

    def _walk(self, prefix: str) -> Iterator[BlobInfo]:
        """In key order, as S3 has it: `a-b` before `a/b` before `a0`."""
        folder = self._root / prefix.rpartition("/")[0]
        if folder.is_dir():
            yield from self._walk_folder(folder, prefix)

    def _walk_folder(self, folder: Path, prefix: str) -> Iterator[BlobInfo]:
        with os.scandir(folder) as found:
            plain = [entry for entry in found if not entry.name.startswith(".")]
        keys = {
            f"{Path(entry.path).relative_to(self._root)}{'/' if entry.is_dir() else ''}": entry
            for entry in plain
            if not entry.is_symlink()
        }
        for key, entry in sorted(keys.items()):
            if not key.startswith(prefix) and not prefix.startswith(key):
                continue
            if key.endswith("/"):
                yield from self._walk_folder(Path(entry.path), prefix)
            else:
                with contextlib.suppress(FileNotFoundError, BlobMissingError):
                    yield self._info(key)


async def _in_thread(work: Callable[[], T]) -> T:
    """The one table of the file system's errors."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.to_thread(work)
    except TimeoutError as error:
        raise Unavailable("blobs", f"no answer in {ANSWER_SECONDS:.0f} s") from error
    except OSError as error:
        raise Unavailable("blobs", type(error).__name__) from error


@contextlib.contextmanager
def _missing() -> Iterator[None]:
    """A file that is not there, or a folder where a file should be."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BlobMissingError(type(error).__name__) from error


def _flush(path: Path) -> None:
    """A file's bytes are on disk then, or what a folder holds: a rename, too."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def open_folder(root: Path) -> FolderBlobs:
    """Raises SettingsError when nothing can be kept there."""
    try:
        return FolderBlobs(await asyncio.to_thread(_prepare, root))
    except OSError as error:
        raise SettingsError(
            f"Photos and mails cannot be kept in {root}: {error}. Set HANDOFF_DATA to a folder that"
            " this user may write to."
        ) from error


def _prepare(root: Path) -> Path:
    (root / UNFINISHED).mkdir(mode=0o700, parents=True, exist_ok=True)
    long_ago = time.time() - UNFINISHED_SECONDS
    for left in (root / UNFINISHED).iterdir():
        with contextlib.suppress(FileNotFoundError):
            if left.stat().st_mtime < long_ago:
                left.unlink()
    probe = root / UNFINISHED / secrets.token_hex(16)
    probe.touch()
    probe.unlink()
    return root.resolve()
