"""Raw pictures tell where they were taken: none outlives the process that it was sent to."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from libs.runtime.log import Log
from libs.runtime.metrics import Metrics
from libs.runtime.runtime import Runtime
from libs.runtime.settings import load
from services.attachments.adapters.spool import own_spool
from services.attachments.settings import AttachmentsSettings
from services.attachments.wiring import wire
from tests.unit.ops.desks import on_fake_redis

HOLD = """
import sys, pathlib
from services.attachments.adapters.spool import own_spool
with own_spool(pathlib.Path(sys.argv[1])) as own:
    (own / "in-x").mkdir()
    (own / "in-x" / "raw").write_bytes(b"GPS")
    print("ready", flush=True)
    sys.stdin.read()
"""


async def test_what_an_older_process_left_is_gone_once_we_start(tmp_path: Path) -> None:
    raw = tmp_path / "spool" / "in-x" / "raw"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"GPS")
    settings = load(AttachmentsSettings, {"HANDOFF_DATA": str(tmp_path), "SITE_KEYS": "k" * 40})

    async with AsyncExitStack() as stack:
        runtime = Runtime(stack, on_fake_redis(), Metrics(), Log("attachments", level="error"))
        await wire(settings, runtime)

        assert not raw.exists()
        assert len([*(tmp_path / "spool").iterdir()]) == 1
    assert [*(tmp_path / "spool").iterdir()] == []


def test_a_killed_process_s_bytes_go_and_a_living_one_s_stay(tmp_path: Path) -> None:
    living, killed = (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    )
    for one in (living, killed):
        assert one.stdout
        assert one.stdout.readline() == b"ready\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    before = [*tmp_path.rglob("raw")]

    with own_spool(tmp_path):
        left = [*tmp_path.rglob("raw")]
    living.communicate()

    assert (len(before), len(left)) == (2, 1)
    assert [*tmp_path.rglob("raw")] == []
