"""Signatures as a receiver checks them: with an implementation in Perl that is not ours."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from libs.errors import SettingsError
from services.mailer.adapters.dkim import Signer, body_hash, open_signer
from tests import needs
from tests.golden import CASES, HERE

MAIL = (HERE / "mails" / "plain.eml").read_bytes()
VERIFY = """
use Mail::DKIM::Verifier;
package Published { sub type { "TXT" } sub txtdata { $ENV{PUBLISHED} } }
no warnings;
*Mail::DKIM::DNS::query = sub { $_[0] eq $ENV{NAME} ? bless({}, "Published") : () };
$/ = undef;
for my $file (@ARGV) {
    open(my $in, "<:raw", $file) or die;
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT(<$in>);
    $verifier->CLOSE;
    print $verifier->result, "\\n";
}
"""


@pytest.fixture(scope="module")
def sign() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer("craigs.autos", "handoff", key)


def verdicts(folder: Path, sign: Signer, *mails: bytes) -> list[str]:
    perl = shutil.which("perl")
    if perl is None or subprocess.run([perl, "-MMail::DKIM", "-e1"], check=False).returncode:
        needs.missing("Mail::DKIM (Debian: libmail-dkim-perl)")
    files = [folder / f"{number}.eml" for number in range(len(mails))]
    for file, mail in zip(files, mails, strict=True):
        file.write_bytes(mail)
    public = sign.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    environ = {
        "NAME": "handoff._domainkey.craigs.autos",
        "PUBLISHED": f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}",
    }
    done = subprocess.run(
        [perl, "-e", VERIFY, *map(str, files)],
        env=environ, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.decode().split()


def test_every_golden_mail_passes_at_a_receiver(sign: Signer, tmp_path: Path) -> None:
    signed = [sign(case.path.read_bytes()) for case in CASES]

    assert verdicts(tmp_path, sign, *signed) == ["pass"] * len(CASES)


def test_what_relays_do_to_blanks_and_folds_is_forgiven(sign: Signer, tmp_path: Path) -> None:
    signed = sign(b"A: 1\r\nFrom: a@craigs.autos\r\n\r\na  b \r\nc\t\r\n \r\n\r\n")
    relayed = signed.replace(b"A: 1", b"a:   1 ").replace(b"a  b ", b"a \t b")

    assert verdicts(tmp_path, sign, relayed, relayed + b"\r\n\r\n") == ["pass", "pass"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: not "),
        (b"To: leads@", b"To: others@"),
        (b"From: ", b"From: Eve <eve@evil.example>\r\nFrom: "),
        (b"Date: ", b"Reply-To: eve@evil.example\r\nDate: "),
        (b"Date: ", b"Cc: eve@evil.example\r\nDate: "),
        (b"\r\n\r\n", b"\r\n\r\nPay here.\r\n"),
    ],
)
def test_what_somebody_else_changed_or_added_fails(
    sign: Signer, tmp_path: Path, old: bytes, new: bytes
) -> None:
    signature, rest = sign(MAIL)[: -len(MAIL)], MAIL.replace(old, new, 1)
    assert rest != MAIL

    assert verdicts(tmp_path, sign, signature + rest) == ["fail"]


def test_the_same_mail_is_signed_with_the_same_bytes(sign: Signer) -> None:
    signed = sign(MAIL)

    assert signed == sign(MAIL)
    assert signed.endswith(MAIL)
    assert not re.search(rb"\b[tx]=", signed[: -len(MAIL)].replace(b"\r\n ", b""))
    assert max(map(len, signed.split(b"\r\n"))) <= 100


def test_a_body_is_read_as_the_standards_examples_are() -> None:
    """RFC 6376, 3.4.5 and 3.4.4."""
    assert body_hash(b" C \r\nD \t E\r\n\r\n\r\n") == digest(b" C\r\nD E\r\n")
    assert body_hash(b"\r\n \r\n") == digest(b"")
    assert body_hash(b"no end") == digest(b"no end\r\n")
    assert body_hash(b"a \t\r\n" * 200_000) == digest(b"a\r\n" * 200_000)


def digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_a_key_of_a_file_signs(sign: Signer, tmp_path: Path) -> None:
    signer = open_signer("craigs.autos", "handoff", str(written(tmp_path, pem(sign.key))))

    assert signer(MAIL) == sign(MAIL)


def test_a_key_that_cannot_sign_stops_the_start(tmp_path: Path) -> None:
    elliptic = pem(ed25519.Ed25519PrivateKey.generate())
    for body, words in ((b"secret", "no private key"), (elliptic, "an RSA key")):
        path = str(written(tmp_path, body))
        with pytest.raises(SettingsError, match=f"SMTP_DKIM_KEY_FILE .*{words}") as refused:
            open_signer("craigs.autos", "handoff", path)
        assert "secret" not in str(refused.value)

    with pytest.raises(SettingsError, match=r"SMTP_DKIM_KEY_FILE cannot be read"):
        open_signer("craigs.autos", "handoff", str(tmp_path / "nothing.pem"))


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def written(folder: Path, body: bytes) -> Path:
    path = folder / "key.pem"
    path.write_bytes(body)
    return path
