"""What leaves the bath: the picture, upright, in its colours, without a word about its owner."""

from __future__ import annotations

import io
import signal
import struct
from pathlib import Path

import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from libs.errors import Unavailable
from services.attachments.adapters.child import ChildDarkroom, answered
from services.attachments.darkroom import MAIL_BYTES, MAIL_SIDE, develop
from services.attachments.ports import Developed, Refused
from services.mailer.letter.arrange import NEAR_BITS
from tests import pictures

VIEWS = ("original", "1200.jpg", "320.jpg")


def _develop(body: bytes, mime_type: str, folder: Path) -> Developed:
    source = folder / "raw"
    source.write_bytes(body)
    return develop(source, folder, mime_type)


def _open(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return bool(pixel[0] > 150 and pixel[2] < 110)


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_no_place_survives_in_any_view(kind: str, tmp_path: Path) -> None:
    body = pictures.with_places(kind)
    assert pictures.places_left(body)

    _develop(body, kind, tmp_path)

    for view in VIEWS:
        assert pictures.places_left((tmp_path / view).read_bytes()) == [], view


@pytest.mark.parametrize("cut", [False, True])
def test_only_the_first_picture_of_a_phone_s_jpeg_is_kept(cut: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a row of the table
    body = pictures.of_two_pictures()
    second = body.index(b"\xff\xd8\xff", 2)
    with Image.open(io.BytesIO(body)) as opened:
        assert (opened.format, getattr(opened, "n_frames", 1)) == ("MPO", 2)

    developed = _develop(body[: second + 40] if cut else body, "image/jpeg", tmp_path)

    assert (developed.width, developed.height) == (320, 200)
    for view in VIEWS:
        assert pictures.places_left((tmp_path / view).read_bytes()) == [], view


@pytest.mark.parametrize("kind", sorted(pictures.KINDS.keys() - {"image/gif"}))
def test_the_orientation_is_baked_in(kind: str, tmp_path: Path) -> None:
    """Red was at the left; turned clockwise it is at the top."""
    body = pictures.encoded(kind, exif=pictures.exif(pictures.ROTATED).tobytes())

    developed = _develop(body, kind, tmp_path)

    assert (developed.width, developed.height) == (200, 320)
    for view in VIEWS:
        upright = _open(tmp_path / view)
        assert upright.height > upright.width
        assert _is_red(upright.getpixel((upright.width // 2, 5)))


@pytest.mark.parametrize("kind", sorted(pictures.KINDS.keys() - {"image/gif"}))
def test_the_colour_profile_is_kept(kind: str, tmp_path: Path) -> None:
    _develop(pictures.encoded(kind, icc_profile=pictures.profile()), kind, tmp_path)

    for view in VIEWS:
        with Image.open(tmp_path / view) as kept:
            assert kept.info.get("icc_profile"), view


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "image/jpeg"), ("CMYK", "image/jpeg"), ("P", "image/png"), ("RGBA", "image/png"),
        ("LA", "image/png"), ("I;16", "image/png"), ("1", "image/png"), ("RGBA", "image/webp"),
        ("RGBA", "image/heic"), ("RGBA", "image/avif"),
    ],
)  # fmt: skip
def test_every_way_to_hold_pixels_becomes_a_plain_jpeg(
    mode: str, kind: str, tmp_path: Path
) -> None:
    body = pictures.encoded(kind, pictures.scene().convert(mode))

    _develop(body, kind, tmp_path)

    with Image.open(tmp_path / "1200.jpg") as view:
        assert (view.format, view.mode) == ("JPEG", "RGB")


def test_transparency_is_white_not_black(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0))

    _develop(pictures.encoded("image/png", clear), "image/png", tmp_path)

    assert _open(tmp_path / "1200.jpg").getpixel((25, 25)) == (255, 255, 255)


def test_a_palette_may_be_clear_in_one_colour(tmp_path: Path) -> None:
    clear = Image.new("P", (50, 50), 3)
    clear.putpalette([0, 0, 0] * 3 + [10, 20, 30])
    clear.putpixel((0, 0), 1)

    _develop(pictures.encoded("image/png", clear, transparency=3), "image/png", tmp_path)

    assert _open(tmp_path / "1200.jpg").getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("deep", [0, 12_000, 32_768, 65_535])
def test_sixteen_bits_are_scaled_not_cut(deep: int, tmp_path: Path) -> None:
    """By the whole scale, not by the brightest pixel: a dark picture stays dark."""
    grey = Image.new("I;16", (40, 40), deep)

    _develop(pictures.encoded("image/png", grey), "image/png", tmp_path)

    pixel = _open(tmp_path / "1200.jpg").getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert pixel == pytest.approx((deep / 257,) * 3, abs=1.5)


@pytest.mark.parametrize("kind", sorted(pictures.KINDS.keys() - {"image/gif"}))
def test_a_profile_that_cannot_be_kept_is_applied_instead(kind: str, tmp_path: Path) -> None:
    """One whose curve has too many points: the mid grey that it says is darker than a screen's."""
    steep = struct.pack(">4s4xI5000H", b"curv", 5000, *(int(i**3 / 5000**2) for i in range(5000)))
    dark = pictures.retagged(pictures.profile(), dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), steep))
    grey = Image.new("RGB", (40, 40), (128, 128, 128))

    _develop(pictures.encoded(kind, grey, icc_profile=dark), kind, tmp_path)

    for view in VIEWS:
        with Image.open(tmp_path / view) as shown:
            assert "icc_profile" not in shown.info
        pixel = _open(tmp_path / view).getpixel((20, 20))
        assert isinstance(pixel, tuple)
        assert pixel[0] < 60


ARCHIVE = b"Rar!\x1a\x07\0" + pictures.GPS.encode() + b"<html><script>alert(1)</script>"


@pytest.mark.parametrize(
    "profile",
    [bytes(16) + b"RGB " + bytes(108) + ARCHIVE, pictures.profile() + ARCHIVE, ARCHIVE * 1_500],
    ids=["beheaded", "behind the end", "nothing else"],
)
@pytest.mark.parametrize("kind", sorted(pictures.KINDS.keys() - {"image/gif"}))
def test_no_archive_travels_in_a_profile(profile: bytes, kind: str, tmp_path: Path) -> None:
    _develop(pictures.encoded(kind, icc_profile=profile), kind, tmp_path)

    for view in VIEWS:
        with Image.open(tmp_path / view) as kept:
            packed = kept.info.get("icc_profile") or b""
        assert b"Rar!" not in packed + (tmp_path / view).read_bytes(), view


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_s_profile_is_not_put_on_colours(mode: str, tmp_path: Path) -> None:
    grey = bytearray(pictures.profile())
    grey[16:20] = b"GRAY"
    clear = {"transparency": 3} if mode == "L" else {}
    picture = pictures.scene().convert(mode)

    body = pictures.encoded("image/png", picture, icc_profile=bytes(grey), **clear)
    _develop(body, "image/png", tmp_path)

    for view in VIEWS[1:]:
        with Image.open(tmp_path / view) as shown:
            assert (shown.mode, shown.info.get("icc_profile")) == ("RGB", None)


def test_the_colours_of_a_press_are_those_of_a_screen(tmp_path: Path) -> None:
    printed = pictures.encoded("image/jpeg", pictures.scene().convert("CMYK"), quality=95)

    _develop(printed, "image/jpeg", tmp_path)

    shown = _open(tmp_path / "1200.jpg")
    for place, wanted in ((5, (220, 20, 20)), (160, (255, 255, 255)), (315, (20, 20, 220))):
        pixel = shown.getpixel((place, 100))
        assert isinstance(pixel, tuple)
        assert pixel == pytest.approx(wanted, abs=12)


def test_an_animation_keeps_its_frames_and_shows_its_first(tmp_path: Path) -> None:
    second = pictures.scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    body = pictures.encoded("image/gif", save_all=True, append_images=[second], duration=80)

    _develop(body, "image/gif", tmp_path)

    with Image.open(tmp_path / "original") as kept:
        assert getattr(kept, "n_frames", 1) == 2
    assert _is_red(_open(tmp_path / "1200.jpg").getpixel((5, 100)))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((4032, 3024), (1200, 900)), ((3024, 4032), (900, 1200)), ((600, 400), (600, 400))],
)
def test_a_phone_s_shot_is_seen_as_large_and_as_good_as_fits(
    size: tuple[int, int], shown: tuple[int, int], tmp_path: Path
) -> None:
    """What a photo is: smooth, with edges. It needs no more than half of what it may take."""
    body = pictures.encoded("image/jpeg", pictures.scene(*size), quality=95)

    _develop(body, "image/jpeg", tmp_path)

    with Image.open(tmp_path / "1200.jpg") as view:
        assert view.size == shown
        assert isinstance(view, JpegImageFile)
        best = [list(table) for table in view.quantization.values()]
    saved = io.BytesIO()
    pictures.scene().save(saved, "JPEG", quality=88)
    with Image.open(saved) as reference:
        assert isinstance(reference, JpegImageFile)
        assert best == [list(table) for table in reference.quantization.values()]


@pytest.mark.parametrize("size", [(4032, 3024), (600, 400), (39_000, 100)])
def test_the_mail_view_is_small_enough(size: tuple[int, int], tmp_path: Path) -> None:
    noisy = Image.effect_noise(size, 90).convert("RGB")

    _develop(pictures.encoded("image/jpeg", noisy, quality=95), "image/jpeg", tmp_path)

    body = (tmp_path / "1200.jpg").read_bytes()
    with Image.open(io.BytesIO(body)) as view:
        assert max(view.size) <= MAIL_SIDE
    assert len(body) <= MAIL_BYTES
    with Image.open(tmp_path / "320.jpg") as view:
        assert max(view.size) <= 320


def test_near_duplicates_have_near_fingerprints(tmp_path: Path) -> None:
    other = Image.effect_noise((320, 200), 90).convert("RGB")
    seen = []
    for picture, quality in ((pictures.scene(), 95), (pictures.scene(640, 400), 40), (other, 95)):
        body = pictures.encoded("image/jpeg", picture, quality=quality)
        seen.append(int(_develop(body, "image/jpeg", tmp_path).fingerprint, 16))

    first, again, different = seen
    assert (first ^ again).bit_count() <= NEAR_BITS
    assert (first ^ different).bit_count() > 12


def test_each_bomb_is_refused_for_what_it_is(tmp_path: Path) -> None:
    bombs = list(pictures.bombs())
    became = {}
    for name, kind, body, _ in bombs:
        try:
            _develop(body, kind, tmp_path)
            became[name] = "developed"
        except Refused as reason:
            became[name] = str(reason)

    assert len(bombs) >= 60
    assert became == {name: expected for name, _, _, expected in bombs}


@pytest.mark.parametrize(("height", "taken"), [(6_000, True), (6_308, False)])
def test_39_megapixels_are_taken_and_41_are_not(height: int, taken: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a row of the table
    body = pictures.flat_png(6_500, height)

    if taken:
        assert _develop(body, "image/png", tmp_path).height == height
    else:
        with pytest.raises(Refused, match="bomb"):
            _develop(body, "image/png", tmp_path)


@pytest.mark.slow
async def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(pictures.encoded("image/jpeg"))

    with pytest.raises(Refused, match="bomb"):
        await ChildDarkroom(seconds=0.01).develop(tmp_path / "raw", tmp_path, "image/jpeg")


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (3, "unreadable", "unreadable"),
        (3, "frames", "frames"),
        (-signal.SIGXCPU, "", "bomb"),
        (-signal.SIGSEGV, "", "unreadable"),
    ],
)
def test_a_child_that_ends_over_its_picture_refuses_it(
    code: int, said: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=reason):
        answered(code, said, tmp_path)


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (1, "ModuleNotFoundError", "darkroom: ModuleNotFoundError"),
        (1, "", "darkroom: exit code 1"),
        (-signal.SIGKILL, "", "darkroom: exit code -9"),
    ],
)
def test_a_child_that_ends_over_anything_else_is_our_trouble(
    code: int, said: str, reason: str, tmp_path: Path
) -> None:
    """Broken installations, and a kernel short of memory: no picture is called a bomb for it."""
    with pytest.raises(Unavailable, match=reason):
        answered(code, said, tmp_path)


@pytest.mark.slow
async def test_a_child_that_cannot_work_says_the_type_of_its_trouble(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(pictures.encoded("image/png"))

    with pytest.raises(Unavailable, match="darkroom: FileNotFoundError"):
        await ChildDarkroom().develop(tmp_path / "raw", tmp_path / "nowhere", "image/png")
