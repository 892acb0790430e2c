"""What `make up` installs is all that the product imports; the rest is there for tests only."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
OURS: Final = ("libs", "ops", "services")
FILES: Final = sorted(path for part in OURS for path in (ROOT / part).rglob("*.py"))


def imported(source: str) -> set[str]:
    """First names of what a module imports, wherever in it, that Python does not bring along."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    parts = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    first = {name.partition(".")[0] for name in (*plain, *parts)}
    return first - sys.stdlib_module_names - {*OURS}


@pytest.fixture(scope="module")
def installed() -> set[str]:
    """Top-level names of the distributions that `requirements.lock` pins."""
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    return {
        name
        for name, brought_by in packages_distributions().items()
        if pinned & {re.sub(r"[-_.]+", "-", each).lower() for each in brought_by}
    }


def test_an_import_that_only_tests_have_is_seen(installed: set[str]) -> None:
    source = "import os\ndef late():\n    from moto.server import x\n    import aiohttp.web\n"

    assert imported(source) == {"moto", "aiohttp"}
    assert imported(source) - installed == {"moto"}


def test_the_product_imports_only_what_make_up_installs(installed: set[str]) -> None:
    missing = {str(path.relative_to(ROOT)): imported(path.read_text()) - installed
               for path in FILES}  # fmt: skip

    assert len(FILES) > 100
    assert {path: names for path, names in missing.items() if names} == {}
