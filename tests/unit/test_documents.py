"""What the documents and the tree say of each other is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.mailer.adapters.ses_errors import MEANINGS
from services.mailer.adapters.smtp_errors import Stage
from services.mailer.ports import Refused

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


def test_the_mailer_says_what_to_do_about_every_refusal() -> None:
    readme = (ROOT / "services/mailer/README.md").read_text()
    codes = {m.code for m in MEANINGS.values() if isinstance(m, Refused)}

    assert [code for code in sorted(codes) if f"`{code}`" not in readme] == []
    assert [stage for stage in Stage if f"`{stage}_…`" not in readme] == []


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
