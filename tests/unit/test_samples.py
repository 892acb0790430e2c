"""Samples of what was ever stored or sent are never changed: their digests are kept beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
DIGESTS: Final = TESTS / "samples.sha256"


def test_no_sample_was_ever_changed() -> None:
    """A new field or a new meaning is a new sample: add `sha256sum` of it, run in `tests/`, to the
    end of `tests/samples.sha256`, and touch no line that is there.
    """
    samples = [*TESTS.glob("wire/*.json"), *TESTS.glob("stored/*.json")]
    found = {f"{_digest(sample)}  {sample.relative_to(TESTS).as_posix()}" for sample in samples}

    assert found == set(DIGESTS.read_text().splitlines())


def _digest(sample: Path) -> str:
    return hashlib.sha256(sample.read_bytes()).hexdigest()
