"""What the documents and the tree say of each other is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "session", "chat", "lead", "mailer", "attachments")
EVERY = ("__init__.py", "__main__.py", "settings.py", "wiring.py", "handlers.py", "README.md")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_file_names(service: str) -> None:
    assert [name for name in EVERY if not (ROOT / "services" / service / name).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/flow.md"])
def test_a_path_that_a_document_names_is_there(document: str) -> None:
    named = re.findall(
        r"`((?:libs|services|docs|deploy|tests|ops)/[\w./-]+)`", (ROOT / document).read_text()
    )

    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_make_target_that_a_document_names_exists() -> None:
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {
        target
        for document in ("README.md", "CONTRIBUTING.md", ".ci/run")
        for target in re.findall(
            r"(?:^|`|=5 )make ([a-z]+)", (ROOT / document).read_text(), re.MULTILINE
        )
    }

    assert {"up", "test", "check", "bench", "prove"} <= told <= made
