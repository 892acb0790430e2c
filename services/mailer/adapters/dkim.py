"""DKIM (RFC 6376), so that receivers can tell a shop's own mail: rsa-sha256, relaxed/relaxed.

The same mail and key give the same signature: it holds no time. SES signs by itself, so this is for
SMTP servers that do not.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from libs.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SMALLEST_KEY_BITS: Final = 1024
"""Receivers treat a signature by a shorter one as none (RFC 8301)."""
_MORE: Final = ("from", "reply-to", "subject", "to", "cc")
"""Named once more than they occur: who adds another one breaks the signature."""
_AT_ONCE: Final = 512 * 1024
"""Canonicalized in one go: the event loop gets its turn every millisecond."""
_ROW: Final = 72


@dataclass(frozen=True)
class Signer:
    domain: str
    selector: str
    key: RSAPrivateKey

    def __call__(self, mail: bytes) -> bytes:
        """The mail with its signature on top. Takes its time over photos: call it in a thread."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        head, _, body = mail.partition(b"\r\n\r\n")
        fields = [_relaxed(field) for field in re.split(rb"\r\n(?![ \t])", head)]
        names = [field.partition(b":")[0].decode() for field in fields]
        open_end = self._header((*names, *_MORE), body_hash(body))
        covered = b"".join(field + b"\r\n" for field in fields) + _relaxed(open_end)
        signature = b64encode(self.key.sign(covered, PKCS1v15(), SHA256())).decode()
        return open_end + _folded(signature) + b"\r\n" + mail

    def _header(self, names: tuple[str, ...], digest: str) -> bytes:
        """Up to where the signature begins."""
        named = ":\r\n ".join(_rows(names))
        return (
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain};\r\n"
            f" s={self.selector}; h={named};\r\n bh={digest};\r\n b="
        ).encode()


def open_signer(domain: str, selector: str, key_file: str) -> Signer:
    """Raises SettingsError; it never tells what the file holds."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(key_file).read_bytes(), None)
    except OSError as error:
        raise SettingsError(f"SMTP_DKIM_KEY_FILE cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(
            "SMTP_DKIM_KEY_FILE holds no private key in PEM without a passphrase."
        ) from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_KEY_BITS:
        raise SettingsError(
            "SMTP_DKIM_KEY_FILE must hold an RSA key, best of 2048 bits: receivers know no other."
        )
    return Signer(domain, selector, key)


def body_hash(body: bytes) -> str:
    """Without empty lines at the end; a body of nothing else is nothing."""
    digest = hashlib.sha256()
    for piece in _pieces(body.rstrip(b" \t\r\n")):
        digest.update(_single_blanks(piece).replace(b" \r\n", b"\r\n"))
    return b64encode(digest.digest()).decode()


def _pieces(body: bytes) -> Iterator[bytes]:
    """Whole lines, each with its end."""
    start = 0
    while start < len(body):
        end = body.find(b"\r\n", start + _AT_ONCE)
        end = len(body) if end < 0 else end + 2
        piece = body[start:end]
        yield piece if piece.endswith(b"\r\n") else piece + b"\r\n"
        start = end


def _relaxed(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    unfolded = _single_blanks(value.replace(b"\r\n", b""))
    return name.strip().lower() + b":" + unfolded.strip(b" ")


def _single_blanks(text: bytes) -> bytes:
    """An expression would take a hundred times as long over photos."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _rows(names: tuple[str, ...], each: int = 6) -> list[str]:
    return [":".join(names[start : start + each]) for start in range(0, len(names), each)]


def _folded(signature: str) -> bytes:
    rows = (signature[start : start + _ROW] for start in range(0, len(signature), _ROW))
    return "\r\n ".join(rows).encode()
