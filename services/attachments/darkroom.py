"""Develops one image in a process of its own: `python -m services.attachments.darkroom IN OUT`.

Decoding is where hostile files bite, so this process has little memory, little time, no secrets,
and dies alone. It writes to the folder OUT what others may see: the picture without a word of
metadata, two renditions, and `developed.json`. Exit code 3: refused, the reason is on stdout; with
any other it is we who failed, and stdout has the type of the exception, which tells of no customer.
"""

from __future__ import annotations

import contextlib
import io
import resource
import struct
import sys
import warnings
import zlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from services.attachments.colours import made_anew
from services.attachments.ports import Developed, Refused

if TYPE_CHECKING:
    from PIL import Image

PIXELS: Final = 40_000_000
FRAMES: Final = 200
MEMORY_BYTES: Final = 1_500_000_000
CPU_SECONDS: Final = 15
MAIL_SIDE: Final = 1200
MAIL_BYTES: Final = 400_000
LIST_SIDE: Final = 320
_GREYS: Final = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"})
_MAIL_QUALITIES: Final = (88, 82, 75, 66, 55, 42, 30)

FORMATS: Final = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/heic": ("HEIF",),
    "image/avif": ("AVIF",),
}
"""What Pillow may try for a type: never a decoder that the bytes did not ask for."""


KEPT_AS: Final = {"image/heic": "image/jpeg", "image/avif": "image/jpeg"}
"""Formats that a shop's desktop cannot open, and that take seconds to write, are kept as JPEG."""


def main() -> None:
    sys.excepthook = _tell
    _limit()
    source, folder, mime_type = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    try:
        developed = develop(source, folder, mime_type)
    except Refused as reason:
        _end(str(reason))
    except MemoryError:
        _end("bomb")
    (folder / "developed.json").write_bytes(msgspec.json.encode(developed))


def _tell(kind: type[BaseException], _: BaseException, __: TracebackType | None) -> None:
    print(kind.__name__)  # noqa: T201 - the answer to our parent


def _end(reason: str) -> NoReturn:
    print(reason)  # noqa: T201 - the answer to our parent
    sys.exit(3)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


_BROKEN: Final = (
    OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, RuntimeError,
    AssertionError, struct.error, zlib.error,
)  # fmt: skip
"""What the decoders answer broken files with."""


def develop(source: Path, folder: Path, mime_type: str) -> Developed:
    """Raises Refused."""
    raw = io.BytesIO(source.read_bytes())
    developed, files = _decoded(raw, mime_type)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return developed


def _decoded(raw: io.BytesIO, mime_type: str) -> tuple[Developed, dict[str, bytes]]:
    from PIL import Image, ImageOps

    if mime_type == "image/heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    kept_as = KEPT_AS.get(mime_type, mime_type)
    try:
        with Image.open(raw, formats=FORMATS[mime_type]) as opened:
            _refuse_bombs(opened)
            original = _cleaned(opened, kept_as)
            opened.seek(0)
            return _printed(ImageOps.exif_transpose(opened), original, kept_as)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused("bomb") from error
    except _BROKEN as error:
        raise Refused("unreadable") from error


def _refuse_bombs(opened: Image.Image) -> None:
    frames = getattr(opened, "n_frames", 1)
    if opened.width * opened.height > PIXELS:
        raise Refused("bomb")
    if frames > FRAMES or frames * opened.width * opened.height > 10 * PIXELS:
        raise Refused("frames")


def _cleaned(opened: Image.Image, mime_type: str) -> bytes:
    """The picture again, in its own format, from nothing but its pixels and colour profile."""
    from PIL import ImageOps, ImageSequence

    profile = opened.info.get("icc_profile")
    if mime_type == "image/jpeg":
        # What follows the first picture of a phone's JPEG or HEIC is made for other phones.
        picture = ImageOps.exif_transpose(opened)
        as_shown = _coloured if picture.mode == "L" else _on_white
        picture, profile = as_shown(picture, profile)
        return _encoded(_bare(picture), mime_type, _with(profile))
    upright = (ImageOps.exif_transpose(frame).copy() for frame in ImageSequence.Iterator(opened))
    frames, profiles = zip(*(_coloured(frame, profile) for frame in upright), strict=True)
    extra = _with(profiles[0])
    if len(frames) > 1:
        extra |= {"save_all": True, "append_images": [_bare(frame) for frame in frames[1:]]}
        extra |= {"loop": opened.info.get("loop", 0), "duration": opened.info.get("duration", 100)}
    return _encoded(_bare(frames[0]), mime_type, extra)


def _with(profile: bytes | None) -> dict[str, object]:
    return {"icc_profile": profile} if profile else {}


def _encoded(picture: Image.Image, mime_type: str, extra: dict[str, object]) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=FORMATS[mime_type][0], quality=95, exif=b"", **extra)
    return out.getvalue()


def _bare(picture: Image.Image) -> Image.Image:
    """A copy that carries no comment, thumbnail or maker note into the next file."""
    bare = picture.copy()
    bare.info = {k: v for k, v in picture.info.items() if k in {"transparency", "background"}}
    return bare


def _printed(
    upright: Image.Image, original: bytes, kept_as: str
) -> tuple[Developed, dict[str, bytes]]:
    """What becomes of it, and the files by name; the renditions are plain RGB JPEGs on white."""
    picture, profile = _on_white(_bare(upright), upright.info.get("icc_profile"))
    mail = _mail_jpeg(picture, profile)
    small = picture.copy()
    small.thumbnail((LIST_SIDE, LIST_SIDE))
    developed = Developed(
        mime_type=kept_as,
        width=upright.width,
        height=upright.height,
        fingerprint=_fingerprint(picture),
        original_bytes=len(original),
    )
    shown = _jpeg(small, 80, profile)
    return developed, {"original": original, "1200.jpg": mail, "320.jpg": shown}


def _on_white(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """As RGB, with its profile made anew, if it says something about RGB."""
    from PIL import Image

    if picture.mode in {"I", "I;16", "I;16B", "I;16L"}:
        picture = picture.convert("F").point(lambda value: value / 257.0).convert("L")
        picture.info.pop("transparency", None)  # a grey of 16 bits
    if picture.mode == "CMYK":
        return _in_srgb(picture, profile, "RGB"), None
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return _coloured(picture.convert("RGB"), profile)


def _coloured(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """With its profile made anew; or, where that cannot be, in the colours of a screen."""
    if not profile:
        return picture, None
    kept = made_anew(profile, b"GRAY" if picture.mode in _GREYS else b"RGB ")
    if kept is None and picture.mode in {"RGB", "RGBA"}:
        picture = _in_srgb(picture, profile, picture.mode)
    return picture, kept


def _in_srgb(picture: Image.Image, profile: bytes | None, mode: str) -> Image.Image:
    """The profile is applied, if it is one at all."""
    from PIL import ImageCms

    if profile:
        srgb = ImageCms.createProfile("sRGB")
        with contextlib.suppress(ImageCms.PyCMSError):
            turned = ImageCms.profileToProfile(picture, io.BytesIO(profile), srgb, outputMode=mode)
            if turned is not None:
                return turned
    return picture.convert(mode)


def _mail_jpeg(picture: Image.Image, profile: bytes | None) -> bytes:
    """At most 1,200 px and 400 KB, at the best quality that fits."""
    side = MAIL_SIDE
    while True:
        print_ = picture.copy()
        print_.thumbnail((side, side))
        for quality in _MAIL_QUALITIES:
            body = _jpeg(print_, quality, profile)
            if len(body) <= MAIL_BYTES:
                return body
        side = side * 3 // 4


def _jpeg(picture: Image.Image, quality: int, profile: bytes | None) -> bytes:
    out = io.BytesIO()
    picture.save(
        out, format="JPEG", quality=quality, optimize=True, progressive=True, **_with(profile)
    )
    return out.getvalue()


def _fingerprint(picture: Image.Image) -> str:
    """Difference hash: is each cell of a 9 by 8 miniature brighter than its right neighbour?"""
    cells = list(picture.convert("L").resize((9, 8)).tobytes())
    bits = [cells[r * 9 + c] > cells[r * 9 + c + 1] for r in range(8) for c in range(8)]
    return f"{sum(bit << place for place, bit in enumerate(bits)):016x}"


if __name__ == "__main__":
    main()
