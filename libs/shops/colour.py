"""What can be read on a shop's colour."""

from __future__ import annotations

from typing import Final

_DARK: Final = 0.18
"""Luminance under which white text reads better than black."""


def ink_on(colour: str) -> str:
    return "#ffffff" if _luminance(colour) < _DARK else "#000000"


def _luminance(colour: str) -> float:
    """As WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
