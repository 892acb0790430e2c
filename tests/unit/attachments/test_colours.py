"""A profile that is made anew shows the same colours, and holds nothing but their numbers."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, ImageCms

from services.attachments.colours import made_anew
from tests import pictures

CURVES = (b"rTRC", b"gTRC", b"bTRC")


def curve(*points: int) -> bytes:
    return struct.pack(f">4s4xI{len(points)}H", b"curv", len(points), *points)


def primary(*numbers: float) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(int(number * 65_536) for number in numbers))


def formula(kind: int, *numbers: float) -> bytes:
    given = [int(number * 65_536) for number in numbers]
    return struct.pack(f">4s4xHxx{len(given)}i", b"para", kind, *given)


WIDE = {
    b"rXYZ": primary(0.5151, 0.2412, -0.0011),
    b"gXYZ": primary(0.2920, 0.6922, 0.0419),
    b"bXYZ": primary(0.1571, 0.0666, 0.7841),
}
"""Of a phone's screen."""


def in_srgb(profile: bytes) -> bytes:
    """A row of every colour, as this profile means it."""
    channels = bytes((i * k) % 256 for i in range(256) for k in (1, 3, 7))
    colours = Image.frombytes("RGB", (256, 1), channels)
    turned = ImageCms.profileToProfile(
        colours, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert turned
    return turned.tobytes()


@pytest.mark.parametrize(
    "tags",
    [
        {},
        WIDE,
        dict.fromkeys(CURVES, curve()),
        dict.fromkeys(CURVES, curve(0x0233)),
        {b"rTRC": curve(0x0180), b"gTRC": curve(0, 9_000, 65_535), b"bTRC": formula(0, 2.2)},
    ],
    ids=["screen", "phone", "straight", "gamma", "mixed"],
)
def test_it_shows_the_same_colours(tags: dict[bytes, bytes]) -> None:
    profile = pictures.retagged(pictures.profile(), tags)

    made = made_anew(profile, b"RGB ")

    assert made
    assert in_srgb(made) == in_srgb(profile)
    assert (made == made_anew(pictures.profile(), b"RGB ")) is (not tags)


def test_nothing_is_left_of_what_was_beside_the_numbers() -> None:
    plain, planted = pictures.profile(), pictures.profile_with_places()

    assert made_anew(planted, b"RGB ") == made_anew(plain, b"RGB ")
    assert len(made_anew(planted, b"RGB ") or planted) < len(plain)


TEXT = pictures.GPS.encode()


@pytest.mark.parametrize(
    "tags",
    [
        {b"rXYZ": b"XYZ \0\0\0\0" + TEXT[:12]},
        {b"rXYZ": b"text\0\0\0\0" + bytes(12)},
        {b"rXYZ": b"XYZ \0\0\0\0"},
        {b"rTRC": b"para\0\0\0\0\0\3\0\0" + TEXT[:20]},
        {b"rTRC": b"para\0\0\0\0\0\5\0\0" + bytes(28)},
        {b"rTRC": struct.pack(">4s4xI", b"curv", len(TEXT) // 2) + TEXT},
        {b"rTRC": curve(*range(4_097))},
        {b"rTRC": struct.pack(">4s4xI", b"curv", 9)},
        {b"rTRC": b"mft2" + curve(0, 1)[4:]},
        {b"rTRC": b""},
    ],
)  # fmt: skip
def test_numbers_that_no_colour_has_are_not_kept(tags: dict[bytes, bytes]) -> None:
    assert made_anew(pictures.retagged(pictures.profile(), tags), b"RGB ") is None


def test_half_a_profile_is_none_or_whole() -> None:
    profile = pictures.profile()

    made = {made_anew(profile[:at], b"RGB ") for at in range(len(profile) + 1)}

    assert made == {None, made_anew(profile, b"RGB ")}


def test_a_grey_has_a_curve_of_its_own() -> None:
    profile = bytearray(pictures.profile())
    profile[16:20] = b"GRAY"
    at = profile.index(b"rTRC", 132)
    profile[at : at + 4] = b"kTRC"

    made = made_anew(bytes(profile), b"GRAY")

    assert made
    assert made_anew(made, b"GRAY") == made
    assert made_anew(bytes(profile), b"RGB ") is None
    assert made_anew(pictures.profile(), b"GRAY") is None
