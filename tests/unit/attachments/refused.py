"""What is never taken: a corpus of files, each with the name and type it is sent under."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator

from tests.pictures import KINDS, archive, encoded

Upload = tuple[str, str, bytes]
"""File name, declared type, bytes."""

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
MARKUP: dict[str, bytes] = {
    "svg": SVG,
    "svg-xml": b'<?xml version="1.0"?>' + SVG,
    "svg-doctype": b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x">' + SVG,
    "svg-bom": b"\xef\xbb\xbf" + SVG,
    "svg-utf16": SVG.decode().encode("utf-16"),
    "svg-space": b"\n\t  " + SVG,
    "svgz": gzip.compress(SVG, mtime=0),
    "html": HTML,
    "html-comment": b"<!-- x -->" + HTML,
    "html-utf7": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "xml": b'<?xml version="1.0"?><a/>',
    "xxe": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "mathml": b'<math xmlns="http://www.w3.org/1998/Math/MathML"/>',
    "mhtml": b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n" + HTML,
}
PROGRAMS: dict[str, bytes] = {
    "sh": b"#!/bin/sh\nrm -rf /\n",
    "py": b"#!/usr/bin/env python3\nprint(1)\n",
    "js": b"alert(document.cookie)",
    "php": b"<?php system($_GET['c']); ?>",
    "exe": b"MZ" + bytes(200),
    "elf": b"\x7fELF" + bytes(200),
    "macho": b"\xcf\xfa\xed\xfe" + bytes(200),
    "class": b"\xca\xfe\xba\xbe" + bytes(200),
    "wasm": b"\0asm\x01\0\0\0",
    "bat": b"@echo off\r\ndel *.*\r\n",
    "lnk": b"L\0\0\0\x01\x14\x02\0" + bytes(100),
    "swf": b"FWS\x09" + bytes(100),
    "hta": b"<script language=vbscript>x</script>",
}
ARCHIVES: dict[str, bytes] = {
    "zip": archive(),
    "docx": archive("word/document.xml"),
    "jar": archive("META-INF/MANIFEST.MF"),
    "apk": archive("AndroidManifest.xml"),
    "epub": archive("mimetype", "application/epub+zip"),
    "gz": gzip.compress(b"x", mtime=0),
    "rar": b"Rar!\x1a\x07\x01\0" + bytes(50),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(50),
    "tar": b"a.txt" + bytes(252) + b"ustar\x0000" + bytes(400),
    "xz": b"\xfd7zXZ\0" + bytes(50),
    "bz2": b"BZh91AY&SY" + bytes(50),
    "cab": b"MSCF" + bytes(60),
    "iso": bytes(32769) + b"CD001",
}
OTHERS: dict[str, bytes] = {
    "tiff": b"II*\0" + bytes(50),
    "tiff-be": b"MM\0*" + bytes(50),
    "bmp": b"BM" + bytes(60),
    "ico": b"\0\0\x01\0\x01\0" + bytes(60),
    "psd": b"8BPS\0\x01" + bytes(60),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "ps": b"%!PS\n(x) run\n",
    "mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(50),
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(50),
    "mp3": b"ID3\x03" + bytes(60),
    "wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(50),
    "avi": b"RIFF\x24\0\0\0AVI LIST" + bytes(50),
    "webm": b"\x1aE\xdf\xa3" + bytes(60),
    "ogg": b"OggS\0\x02" + bytes(60),
    "doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60),
    "rtf": b"{\\rtf1 x}",
    "csv": b"a,b\n=cmd|'/c calc'!A0,1\n",
    "txt": b"just words",
    "json": b'{"a": 1}',
    "font": b"wOFF" + bytes(60),
    "jxl": b"\xff\x0a" + bytes(60),
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    "pdf-late": b"junk\n%PDF-1.7\n",
    "pdf-odd": b"%PDF-x.y\n",
    "empty-ftyp": b"\0\0\0\x08ftyp",
}
DISGUISES = (("photo.jpg", "image/jpeg"), ("photo", "application/octet-stream"))


def corpus() -> Iterator[Upload]:
    for name, body in itertools.chain.from_iterable(
        group.items() for group in (MARKUP, PROGRAMS, ARCHIVES, OTHERS)
    ):
        yield f"{name}.{name}", "", body
        for disguise, declared in DISGUISES:
            yield f"{name}-as-{disguise}", declared, body
    yield from _polyglots()
    yield from _liars()


def _polyglots() -> Iterator[Upload]:
    """Two things at once: a picture to one reader, an archive, page or document to another."""
    for declared in KINDS:
        picture = encoded(declared)
        name = f"two.{declared[6:]}"
        yield name, declared, picture + archive()
        yield name, declared, picture + archive("META-INF/MANIFEST.MF")
        head = picture[:20]
        yield name, declared, head + HTML + picture[20:]
        yield name, declared, head + SVG + picture[20:]
        yield name, declared, head + b"%PDF-1.7\n" + picture[20:]
        yield name, declared, head + b"<?php system('x'); ?>" + picture[20:]
    yield "two.pdf", "application/pdf", b"%PDF-1.7\n" + archive()
    for hidden in (HTML, ARCHIVES["rar"], ARCHIVES["7z"]):
        for before in (2_000, 131_070):  # there a window ends in the middle of it
            yield "two.pdf", "application/pdf", b"%PDF-1.7\n" + bytes(before - 9) + hidden
    yield "two.pdf", "application/pdf", b"%PDF-1.7\n<html><script>x</script></html>"
    yield "two.gif", "image/gif", b"GIF89a/*<script>*/=1;alert(1)//"


def _liars() -> Iterator[Upload]:
    """Bytes, name and header that do not agree."""
    bodies = {kind: encoded(kind) for kind in KINDS}
    for real, claimed in itertools.permutations(bodies, 2):
        yield "photo", claimed, bodies[real]
        yield f"photo.{claimed[6:]}", real, bodies[real]
    for odd in ("photo.jpg.exe", "photo.svg", "photo.html", "photo.php", "photo.pdf"):
        yield odd, "image/jpeg", bodies["image/jpeg"]
    for odd in ("text/html", "image/svg+xml", "application/pdf", "multipart/form-data", "x"):
        yield "photo.jpg", odd, bodies["image/jpeg"]
