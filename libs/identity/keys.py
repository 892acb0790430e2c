"""The site keys: given by the environment, or made once where one machine is all there is."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from libs.errors import SettingsError
from libs.runtime.settings import KEY_CHARACTERS, CommonSettings

FILE: Final = "site_keys"


def site_keys(settings: CommonSettings, *, one_machine: bool) -> tuple[str, ...]:
    """Newest first. Raises SettingsError when there are none and none may be made."""
    if settings.keys:
        return settings.keys
    if not one_machine:
        raise SettingsError(
            "SITE_KEYS is not set: give every service the same one or more keys of"
            f" {KEY_CHARACTERS} or more random characters, newest first, comma between."
        )
    return _kept_keys(settings.data_path / FILE)


def _kept_keys(path: Path) -> tuple[str, ...]:
    try:
        if not path.exists():
            _make(path)
        keys = tuple(path.read_text("ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"HANDOFF_DATA: the keys in {path} cannot be kept: {error}.") from error
    if not keys or any(len(key) < KEY_CHARACTERS for key in keys):
        raise SettingsError(
            f"HANDOFF_DATA: {path} holds a key shorter than {KEY_CHARACTERS} characters; restore"
            " it from a copy, or remove it to get new keys (which ends all sessions and links)."
        )
    return keys


def _make(path: Path) -> None:
    """Whole or not at all, and never twice: of two starts at once, one wins the link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
