"""Where the site keys come from."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from libs.errors import SettingsError
from libs.identity.keys import FILE, site_keys
from libs.runtime.settings import CommonSettings


def settings(folder: Path, **given: str) -> CommonSettings:
    return CommonSettings(data=str(folder), **given)


def test_keys_of_the_environment_come_first(tmp_path: Path) -> None:
    given = settings(tmp_path, site_keys=f"{'n' * 32}, {'o' * 32}")

    assert site_keys(given, one_machine=True) == ("n" * 32, "o" * 32)
    assert list(tmp_path.iterdir()) == []


def test_many_machines_need_keys_given(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^SITE_KEYS is not set: .*\.$"):
        site_keys(settings(tmp_path), one_machine=False)


def test_one_machine_makes_its_key_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    made = site_keys(settings(folder), one_machine=True)
    again = site_keys(settings(folder), one_machine=True)

    assert made == again
    assert len(made) == 1
    assert len(made[0]) >= 32
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_two_machines_have_different_keys(tmp_path: Path) -> None:
    one, other = (
        site_keys(settings(tmp_path / name), one_machine=True) for name in ("one", "other")
    )

    assert one != other


def test_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    got: list[tuple[str, ...]] = []
    threads = [
        threading.Thread(target=lambda: got.append(site_keys(settings(tmp_path), one_machine=True)))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 16
    assert len(set(got)) == 1


def test_a_kept_key_may_be_rotated_by_a_new_first_line(tmp_path: Path) -> None:
    (old,) = site_keys(settings(tmp_path), one_machine=True)
    (tmp_path / FILE).write_text(f"{'n' * 32}\n{old}\n")

    assert site_keys(settings(tmp_path), one_machine=True) == ("n" * 32, old)


@pytest.mark.parametrize("kept", ["", "short\n", "n" * 32 + "\nshort\n"])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)

    with pytest.raises(SettingsError, match="HANDOFF_DATA"):
        site_keys(settings(tmp_path), one_machine=True)

    assert (tmp_path / FILE).read_text() == kept


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="HANDOFF_DATA"):
        site_keys(settings(tmp_path / "file" / "data"), one_machine=True)
