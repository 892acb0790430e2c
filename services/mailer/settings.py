"""How mail leaves, and to whom the mailer tells what a person must know."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings

LAUNCH_SECONDS: Final = 30.0
"""How old a prepared send may be when it starts; no fence may be shorter."""
SIGNATURE_SECONDS: Final = 300.0
"""How long AWS takes a signed request."""


class MailerSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    mail: Literal["outbox", "smtp", "ses"] = "outbox"
    mail_fallback: Literal["", "smtp", "ses"] = ""
    duplicate_policy: Literal["never_zero", "never_two"] = "never_zero"
    fence_seconds: float | None = None
    """None: SES 300, SMTP 900."""
    evidence_seconds: float = 1200
    """Only for transports with delivery events."""
    ses_configuration_set: str = ""
    ses_events_queue_url: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """0: 465 with `tls`, 587 with `starttls`, else 25."""
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    smtp_username: str = ""
    smtp_password: str = ""
    alert_email: str = ""

    @property
    def transports(self) -> tuple[str, ...]:
        return (self.mail, self.mail_fallback) if self.mail_fallback else (self.mail,)

    @property
    def smtp_address(self) -> tuple[str, int]:
        usual = {"tls": 465, "starttls": 587, "none": 25}[self.smtp_tls]
        return self.smtp_host, self.smtp_port or usual


def check(settings: MailerSettings) -> None:
    """Raises SettingsError for what cannot work together."""
    for broken, sentence in _contradictions(settings):
        if broken:
            raise SettingsError(sentence)


def _contradictions(given: MailerSettings) -> tuple[tuple[bool, str], ...]:
    smtp, ses = "smtp" in given.transports, "ses" in given.transports
    public = urlsplit(given.public_url)
    return (
        (
            given.mail_fallback == given.mail,
            f"MAIL_FALLBACK is {given.mail} like MAIL; name another transport or none.",
        ),
        (
            given.mail == "outbox" and bool(given.mail_fallback),
            "MAIL_FALLBACK needs MAIL=smtp or ses; the outbox never refuses a mail.",
        ),
        (
            given.mail != "outbox" and not given.public_url,
            f"PUBLIC_URL is not set, but links in mails sent by {given.mail} start with it.",
        ),
        (
            bool(given.public_url)
            and (public.scheme not in {"http", "https"} or not public.hostname),
            "PUBLIC_URL must be an address such as https://chat.example.com.",
        ),
        (smtp and not given.smtp_host, "SMTP_HOST is not set, and mail is to leave by SMTP."),
        (
            bool(given.smtp_username) != bool(given.smtp_password),
            "SMTP_USERNAME and SMTP_PASSWORD go together; one of them is missing.",
        ),
        (
            smtp
            and given.smtp_tls == "none"
            and bool(given.smtp_password)
            and not _loopback(given.smtp_host),
            "SMTP_TLS=none would send SMTP_PASSWORD in clear; set it to starttls or tls.",
        ),
        (
            bool(given.ses_events_queue_url) and not ses,
            "SES_EVENTS_QUEUE_URL is set, but no mail leaves by SES; set MAIL=ses or remove it.",
        ),
        (
            bool(given.alert_email) and not _MAILBOX.fullmatch(given.alert_email),
            "ALERT_EMAIL must be one address such as ops@example.com.",
        ),
        (
            ses and given.fence_seconds is not None and given.fence_seconds < SIGNATURE_SECONDS,
            "FENCE_SECONDS is below 300, but AWS takes a signed mail for that long.",
        ),
        (
            given.fence_seconds is not None and given.fence_seconds < LAUNCH_SECONDS,
            "FENCE_SECONDS is below 30, but a send may start that long after it was armed.",
        ),
        (given.evidence_seconds < 0, "EVIDENCE_SECONDS must not be negative."),
    )


_MAILBOX: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
