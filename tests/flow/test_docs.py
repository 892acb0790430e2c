"""The pages tell the truth: their commands work, and what they name exists."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.mailer.adapters.ses_errors import MEANINGS
from services.mailer.adapters.smtp_errors import Stage
from services.mailer.ports import Refused
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md")
DOCS = (*PAGES, *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))))
SERVICES = ("attachments", "chat", "gateway", "lead", "mailer", "session")
SAME_FILES = ("README.md", "__init__.py", "__main__.py", "handlers.py", "settings.py", "wiring.py")
READY_SECONDS = 60


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


ALL = [(page, command) for page in PAGES for command in commands(page)]
STARTS = [command for _, command in ALL if command.endswith("make up")]
RECURSE = [command for _, command in ALL if not command.endswith("make up")]
"""They would run this very test again, or take an hour."""


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_the_pages_have_the_two_commands() -> None:
    assert {"make up", "make test"} <= set(commands("README.md"))
    assert len(STARTS) + len(RECURSE) == len(ALL)


@pytest.mark.parametrize("command", sorted(set(RECURSE)))
def test_a_command_that_would_recurse_is_a_target_that_parses(command: str) -> None:
    words = command.split()

    assert words[0] == "make"
    assert words[1] in targets()
    done = make("-n", *words[1:])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("page", [*PAGES, "docs/operations.md", ".ci/run"])
def test_every_target_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"(?:^|`|=5 )make ([a-z]+)", text, re.MULTILINE))

    assert named
    assert named <= targets()


def test_help_lists_every_target() -> None:
    said = make("help").stdout

    assert {line.split()[0] for line in said.splitlines()} == targets()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", STARTS)
def test_the_product_starts_as_the_page_says(command: str, tmp_path: Path) -> None:
    """In this environment: `make` would set one up, which is tested where there is a network."""
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "HANDOFF_DATA": str(tmp_path / "data"),
        "HANDOFF_PORT": str(free_port()),
        "HANDOFF_INBOX_PORT": str(free_port()),
        "ATTACHMENTS_PORT": str(free_port()),
    }
    # `-o`: the environment is as it is; only the recipe of `up` itself runs.
    ready = Path(sys.executable).parent
    asked = command.replace("make up", f"make up -o .venv/.run BIN={ready}")
    with (tmp_path / "log").open("w") as log:
        started = subprocess.Popen(
            ["bash", "-c", f"exec env {asked}"], cwd=ROOT, env=environ, text=True,
            stdout=subprocess.PIPE, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        assert started.stdout
        printed = "".join(iter(started.stdout.readline, "Ctrl-C stops it.\n"))
    finally:
        os.killpg(started.pid, signal.SIGINT)  # Ctrl-C
        started.communicate(timeout=READY_SECONDS)  # until nobody holds its output any more

    assert f"http://127.0.0.1:{environ['HANDOFF_PORT']}/" in printed
    assert f"http://127.0.0.1:{environ['HANDOFF_INBOX_PORT']}/" in printed
    assert (tmp_path / "data").is_dir()


TOP = "|".join(
    sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
)
PATHS = re.compile(rf"`((?:{TOP})/[A-Za-z0-9_./<>*-]*|[A-Za-z_-]+\.(?:md|toml|yaml))`")
"""What begins with a folder of ours; keys of blobs and names of metrics look alike otherwise."""


@pytest.mark.parametrize("page", DOCS)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    missing = [path for path in PATHS.findall((ROOT / page).read_text()) if not _exists(path, page)]

    assert missing == []


def _exists(path: str, page: str) -> bool:
    """From the root or beside the page; `<name>` stands for any."""
    pattern = re.sub(r"<[a-z]+>", "*", path).rstrip("/")
    return any(any(folder.glob(pattern)) for folder in (ROOT, (ROOT / page).parent))


def test_the_mailer_says_what_to_do_about_every_refusal() -> None:
    readme = (ROOT / "services/mailer/README.md").read_text()
    codes = {m.code for m in MEANINGS.values() if isinstance(m, Refused)}

    assert [code for code in sorted(codes) if f"`{code}`" not in readme] == []
    assert [stage for stage in Stage if f"`{stage}_…`" not in readme] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    folder = ROOT / "services" / service

    assert [name for name in SAME_FILES if not (folder / name).is_file()] == []


def test_these_are_all_the_services() -> None:
    found = {path.parent.name for path in (ROOT / "services").glob("*/__main__.py")}

    assert found == set(SERVICES)


def test_every_service_starts_in_the_same_lines() -> None:
    texts = {
        name: (ROOT / "services" / name / "__main__.py").read_text().replace(name, "NAME")
        for name in SERVICES
    }
    shapes = {
        re.sub(r"\w*Settings\b", "Settings", re.sub(r"^\"\"\".*?\"\"\"", "", text, flags=re.DOTALL))
        for text in texts.values()
    }

    assert len(shapes) == 1
