"""Pictures and other files that a phone, or somebody with bad intent, may send: made, not kept."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

GPS = "37.3349,-121.8881 PLANTED-PLACE"
"""Planted wherever a format offers room; it must come out nowhere."""
XMP = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="{GPS}"/>'
    "</rdf:RDF></x:xmpmeta>"
)
KINDS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
    "image/gif": "GIF",
}
ROTATED = 6
"""EXIF orientation: the top of the scene is at the right edge of the pixels."""


def scene(width: int = 320, height: int = 200) -> Image.Image:
    """Red at the left, blue at the right: it shows how it was turned."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width // 4, height), fill=(220, 20, 20))
    draw.rectangle((width - width // 4, 0, width, height), fill=(20, 20, 220))
    return picture


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def retagged(profile: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """With other contents for tags that it has."""
    made = bytearray(profile)
    for name, tag in tags.items():
        entry = made.index(name, 132)
        struct.pack_into(">II", made, entry + 4, len(made), len(tag))
        made += tag + bytes(-len(tag) % 4)
    return struct.pack(">I", len(made)) + bytes(made[4:])


def profile_with_places() -> bytes:
    """In its name, in its copyright, and behind its end."""
    text = b"text\0\0\0\0" + GPS.encode()
    name = struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", 2 * len(GPS), 28)
    wide = name + GPS.encode("utf-16-be")
    return retagged(profile(), {b"desc": wide, b"cprt": text}) + GPS.encode()


def encoded(mime_type: str, picture: Image.Image | None = None, **extra: Any) -> bytes:
    if mime_type == "image/heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    (picture or scene()).save(out, format=KINDS[mime_type], **extra)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """GPS in its own directory, a maker note, a comment, a description."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = GPS
    tags[0x8825] = {1: "N", 2: (37.0, 20.0, 5.6), 3: "W", 4: (121.0, 53.0, 17.2), 29: GPS}
    tags[0x8769] = {0x927C: GPS.encode(), 0x9286: GPS.encode()}
    return tags


def with_places(mime_type: str, orientation: int = 1) -> bytes:
    """A picture with GPS planted in every place that its format offers."""
    extra: dict[str, Any] = {"icc_profile": profile_with_places()}
    if mime_type != "image/gif":
        extra["exif"] = _with_thumbnail(exif(orientation))
    if mime_type in {"image/webp", "image/heic", "image/avif"}:
        extra["xmp"] = XMP.encode()
    if mime_type == "image/png":
        extra["pnginfo"] = _png_texts()
    if mime_type == "image/gif":
        extra = {"comment": GPS.encode(), "save_all": True, "append_images": [scene().rotate(180)]}
    return _MORE_PLACES[mime_type](encoded(mime_type, **extra))


def _with_thumbnail(tags: Image.Exif) -> bytes:
    """A second directory, as cameras write it: a small JPEG, which has a comment of its own."""
    small = encoded("image/jpeg", scene(32, 20), comment=GPS.encode())
    tiff = bytearray(tags.tobytes()[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, first)
    second = len(tiff)
    struct.pack_into(f"{order}I", tiff, first + 2 + 12 * entries, second)
    place = struct.pack(f"{order}HHII", 0x0201, 4, 1, second + 30)
    length = struct.pack(f"{order}HHII", 0x0202, 4, 1, len(small))
    tiff += struct.pack(f"{order}H", 2) + place + length + bytes(4) + small
    return b"Exif\0\0" + bytes(tiff)


def _png_texts() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", GPS)
    info.add_text("Zipped", GPS, zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP)
    return info


def _png_places(body: bytes) -> bytes:
    """A chunk of nobody's, and a trailer behind the end."""
    return body[:33] + _chunk(b"plCe", GPS.encode()) + body[33:] + GPS.encode()


def _webp_places(body: bytes) -> bytes:
    """A chunk that no reader knows."""
    text = GPS.encode() + bytes(len(GPS) % 2)
    whole = body[8:] + b"PLCE" + struct.pack("<I", len(text)) + text
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _gif_places(body: bytes) -> bytes:
    """A comment and XMP behind the last frame."""
    block = bytes([len(GPS)]) + GPS.encode() + b"\0"
    return body[:-1] + b"\x21\xfe" + block + b"\x21\xff\x0bXMP DataXMP" + block + b"\x3b"


def _iso_places(body: bytes) -> bytes:
    """Boxes that no reader knows."""
    free, private = GPS.encode(), b"0123456789abcdef" + GPS.encode()
    boxes = ((b"free", free), (b"uuid", private))
    return body + b"".join(struct.pack(">I", len(data) + 8) + name + data for name, data in boxes)


def _jpeg_places(body: bytes) -> bytes:
    """XMP and extended XMP, IPTC, a comment, an unknown segment, a trailer behind the end."""
    segments = [
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode()),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + XMP.encode()),
        (0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(GPS)) + GPS.encode()),
        (0xFE, GPS.encode()),
        (0xEA, GPS.encode()),
    ]
    added = b"".join(
        b"\xff" + bytes([mark]) + struct.pack(">H", len(data) + 2) + data for mark, data in segments
    )
    return body[:2] + added + body[2:] + GPS.encode()


_MORE_PLACES: Final = {
    "image/jpeg": _jpeg_places,
    "image/png": _png_places,
    "image/webp": _webp_places,
    "image/gif": _gif_places,
    "image/heic": _iso_places,
    "image/avif": _iso_places,
}


def of_two_pictures() -> bytes:
    """A phone's JPEG: behind the picture stands another, with metadata of its own."""
    second = scene(160, 100)
    second.encoderinfo = {"exif": exif()}  # type: ignore[attr-defined]
    out = io.BytesIO()
    scene().save(out, "MPO", save_all=True, append_images=[second], exif=exif())
    body = out.getvalue()
    return body + GPS.encode()


def places_left(body: bytes) -> list[str]:
    """Where the plant is still to be found: as bytes, and as what a reader of metadata sees."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    left = ["bytes"] if GPS.encode() in body or b"PLANTED" in body else []
    with Image.open(io.BytesIO(body)) as picture:
        tags = picture.getexif()
        packed = picture.info.get("icc_profile") or b""
        plants = (b"PLANTED", "PLANTED".encode("utf-16-be"))
        left += ["profile"] if any(plant in packed for plant in plants) else []
        left += ["exif"] if len(tags) or tags.get_ifd(0x8825) else []
        known = {"icc_profile", "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi",
                 "progressive", "progression", "transparency", "background", "loop", "duration",
                 "version", "gamma", "srgb", "chromaticity", "timestamp", "extension"}  # fmt: skip
        left += sorted(str(name) for name in picture.info.keys() - known if picture.info[name])
    return left


WHOLE: Final = {"garbled-jpeg-0.3", "garbled-jpeg-0.6", "garbled-heic-0.6"}
"""Hurt where their decoders carry on."""


def bombs() -> Iterator[tuple[str, str, bytes, str]]:
    """(name, type, bytes, what becomes of it): files that are large, endless, broken or lying."""
    for width, height in ((13_000, 13_000), (60_000, 60_000), (1, 2**31 - 1), (2**16, 2**16)):
        yield f"png-{width}x{height}", "image/png", flat_png(width, height), "bomb"
    for size in (8_000, 20_000, 65_535):
        yield f"gif-{size}", "image/gif", _gif(size, size), "bomb"
        yield f"jpeg-{size}", "image/jpeg", _jpeg_claiming(size, size), "bomb"
        yield f"webp-{size}", "image/webp", _webp_claiming(min(size, 16_383)), "bomb"
    yield "gif-frames", "image/gif", _gif_frames(5_000), "frames"
    for name, kind, body in _broken():
        yield name, kind, body, "developed" if name in WHOLE else "unreadable"


def _broken() -> Iterator[tuple[str, str, bytes]]:
    for kind in ("image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/avif"):
        body = encoded(kind, scene(640, 480))
        for part in (0.1, 0.3, 0.5, 0.8):
            yield f"cut-{kind[6:]}-{part}", kind, body[: int(len(body) * part)]
        for place in (0.3, 0.6):
            at = int(len(body) * place)
            garbled = body[:at] + b"\xff\x00" * 40 + body[at + 80 :]
            yield f"garbled-{kind[6:]}-{place}", kind, garbled
    yield "png-zip-bomb", "image/png", _png_text_bomb()
    for kind, head in (
        ("image/jpeg", b"\xff\xd8\xff\xe0"),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/gif", b"GIF89a"),
        ("image/webp", b"RIFF\x10\0\0\0WEBP"),
        ("image/heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"),
        ("image/avif", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1"),
    ):
        yield f"only-magic-{kind[6:]}", kind, head
        yield f"only-magic-{kind[6:]}-zeros", kind, head + bytes(100_000)


def _chunk(name: bytes, data: bytes) -> bytes:
    whole = name + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))


def flat_png(width: int, height: int) -> bytes:
    """One bit a pixel, all alike: 169 megapixels fit in 20 KB."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (min(width, 100_000) + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(min(height, 13_000))) + packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def _png_text_bomb() -> bytes:
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9))
    plain = encoded("image/png")
    return plain[:33] + text * 3 + plain[33:]


def _gif(width: int, height: int) -> bytes:
    body = encoded("image/gif", Image.new("P", (16, 16)))
    return body[:6] + struct.pack("<HH", width, height) + body[10:]


def _gif_frames(count: int) -> bytes:
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\x80\0\0\0\0\0\xff\xff\xff"
    return head + frame * count + b"\x3b"


def _jpeg_claiming(width: int, height: int) -> bytes:
    body = bytearray(encoded("image/jpeg", scene(64, 64)))
    at = body.index(b"\xff\xc0")
    body[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(body)


def _webp_claiming(size: int) -> bytes:
    """Lossless: width and height are the fourteen-bit fields behind the signature."""
    body = bytearray(encoded("image/webp", scene(64, 64), lossless=True))
    at = body.index(b"VP8L") + 9
    bits = int.from_bytes(body[at : at + 4], "little") & ~0xFFFFFFF
    body[at : at + 4] = (bits | (size - 1) | ((size - 1) << 14)).to_bytes(4, "little")
    return bytes(body)


def archive(name: str = "a.txt", text: str = "hello") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(name, text)
    return out.getvalue()
