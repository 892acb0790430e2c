"""What stands on a shop's colour, in its mails and in its chat."""

from __future__ import annotations

import pytest

from libs.shops.colour import ink_on


@pytest.mark.parametrize("colour", ["#7a1f1f", "#1f3a5f", "#000000"])
def test_white_stands_on_what_is_dark(colour: str) -> None:
    assert ink_on(colour) == "#ffffff"


@pytest.mark.parametrize("colour", ["#ffcc00", "#ffffff", "#2e9e5b"])
def test_black_stands_on_what_is_light(colour: str) -> None:
    assert ink_on(colour) == "#000000"
