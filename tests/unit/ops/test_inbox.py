"""The inbox shows customers' words, so only this machine may open it."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.web.answers import Answer, Refused
from ops.inbox import mails
from ops.inbox.mails import Outbox
from ops.inbox.site import InboxSite
from ops.story import Story
from tests.golden import HERE
from tests.security.fields import NO_VALUES
from tests.unit.web.calls import call


async def untold(thread: str) -> Story:
    raise AssertionError(thread)


def site(folder: Path) -> InboxSite:
    return InboxSite(Outbox(folder), untold)


@pytest.mark.parametrize(
    "host",
    [
        "", "chat.example", "chat.example:8081", "127.0.0.1.evil.example", "localhost.evil.example",
        "evil.example:127.0.0.1", "192.168.1.7:8081", "0.0.0.0:8081", "[::2]:8081", "[::]",
    ],
)  # fmt: skip
async def test_another_host_finds_nothing_anywhere(tmp_path: Path, host: str) -> None:
    for route in site(tmp_path).routes():
        with pytest.raises(Refused) as refused:
            await route.handler(call(target=route.path, Host=host))
        assert refused.value.status == 404, route.path


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "LOCALHOST:8081", "[::1]:8081"])
async def test_this_machine_finds_the_page_and_its_mails(tmp_path: Path, host: str) -> None:
    routes = {route.path: route.handler for route in site(tmp_path).routes()}

    for path in ("/", "/mails"):
        answer = await routes[path](call(target=path, Host=host))
        assert isinstance(answer, Answer)
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/mail", "/html", "/part", "/source"])
async def test_what_is_no_mail_of_the_folder_is_not_found(tmp_path: Path, path: str) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "above.eml").write_bytes(b"Subject: secret\r\n\r\n")
    routes = {route.path: route.handler for route in site(tmp_path / "outbox").routes()}
    names = ("../above.eml", "..%2Fabove.eml", "%2Fetc%2Fpasswd", "a.eml%00", "a.eml%0A", "a.eml")
    for name in (*names, "a" * 201 + ".eml", *NO_VALUES):
        with pytest.raises(Refused) as refused:
            await routes[path](call(target=f"{path}?name={name}", Host="localhost"))

        assert refused.value.error == "not_found", name


@pytest.mark.parametrize("thread", ["", "*", "cthr_", "cthr_../../x", "cthr_a%00", "a" * 3000])
async def test_what_is_no_thread_has_no_story(tmp_path: Path, thread: str) -> None:
    [story] = [route.handler for route in site(tmp_path).routes() if route.path == "/story"]

    with pytest.raises(Refused) as refused:
        await story(call(target=f"/story?thread={thread}", Host="localhost"))

    assert refused.value.error == "not_found"


def test_the_list_counts_photos_as_the_mail_does(tmp_path: Path) -> None:
    counted = {"twelve_photos.eml": 12, "failed_photo.eml": 6, "phone_only.eml": 0}
    for name in counted:
        (tmp_path / name).write_bytes((HERE / "mails" / name).read_bytes())

    assert {mail.name: mail.photos for mail in Outbox(tmp_path).newest()} == counted


def test_a_mail_that_is_removed_while_the_list_is_made_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kept.eml", "gone.eml"):
        (tmp_path / name).write_bytes(b"Subject: hello\r\n\r\n")
    listed = mails._listed

    def forgotten_meanwhile(name: str, path: Path) -> mails.Listed:
        (tmp_path / "gone.eml").unlink(missing_ok=True)
        return listed(name, path)

    monkeypatch.setattr(mails, "_listed", forgotten_meanwhile)
    outbox = Outbox(tmp_path)

    assert {mail.name for mail in outbox.newest()} == {"kept.eml"}
    assert {mail.name for mail in outbox.newest()} == {"kept.eml"}
    assert Outbox(tmp_path / "nowhere").newest() == []
