"""How mail leaves, and to whom the mailer tells what a person must know."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from libs.errors import SettingsError
from libs.runtime.settings import CommonSettings, Interval
from services.mailer.ports import LAUNCH_SECONDS, SIGNATURE_SECONDS


class MailerSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    mail_fallback: Literal["", "smtp", "ses"] = ""
    duplicate_policy: Literal["never_zero", "never_two"] = "never_zero"
    cooldown_seconds: Interval = 60
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
    smtp_dkim_domain: str = ""
    smtp_dkim_selector: str = ""
    smtp_dkim_key_file: str = ""
    """All three or none."""
    alert_email: str = ""

    def faults(self) -> Iterator[str]:
        yield from CommonSettings.faults(self)
        rules = (*_ways_out(self), *_smtp(self), *_times(self))
        yield from (sentence for broken, sentence in rules if broken)

    @property
    def transports(self) -> tuple[str, ...]:
        return (self.mail, self.mail_fallback) if self.mail_fallback else (self.mail,)

    @property
    def smtp_address(self) -> tuple[str, int]:
        usual = {"tls": 465, "starttls": 587, "none": 25}[self.smtp_tls]
        return self.smtp_host, self.smtp_port or usual


def check(settings: MailerSettings) -> None:
    """Raises SettingsError for what cannot work together, however it came together."""
    for sentence in settings.faults():
        raise SettingsError(sentence)


Rule = tuple[bool, str]
"""Whether it is broken, and the sentence that says so."""


def _ways_out(given: MailerSettings) -> tuple[Rule, ...]:
    leaves, public = given.mail != "outbox", urlsplit(given.public_url)
    web = public.scheme in {"http", "https"} and bool(public.hostname)
    return (
        (given.mail_fallback == given.mail, f"MAIL_FALLBACK is {given.mail}, which MAIL is too."),
        (
            bool(given.mail_fallback) and not leaves,
            "MAIL_FALLBACK needs MAIL=smtp or ses; the outbox never refuses a mail.",
        ),
        (
            leaves and not given.public_url,
            f"PUBLIC_URL is not set, but links in mails sent by {given.mail} start with it.",
        ),
        (
            bool(given.public_url) and not web,
            "PUBLIC_URL must be an address such as https://chat.example.com.",
        ),
        (
            bool(given.alert_email) and not _MAILBOX.fullmatch(given.alert_email),
            "ALERT_EMAIL must be one address such as ops@example.com.",
        ),
        (
            bool(given.ses_events_queue_url) and "ses" not in given.transports,
            "SES_EVENTS_QUEUE_URL is set, but no mail leaves by SES; set MAIL=ses or remove it.",
        ),
    )


def _smtp(given: MailerSettings) -> tuple[Rule, ...]:
    used = "smtp" in given.transports
    dkim = (given.smtp_dkim_domain, given.smtp_dkim_selector, given.smtp_dkim_key_file)
    in_clear = given.smtp_tls == "none" and not _loopback(given.smtp_host)
    return (
        (used and not given.smtp_host, "SMTP_HOST is not set, and mail is to leave by SMTP."),
        (
            bool(given.smtp_username) != bool(given.smtp_password),
            "SMTP_USERNAME and SMTP_PASSWORD go together; one of them is missing.",
        ),
        (
            used and in_clear and bool(given.smtp_password),
            "SMTP_TLS=none would send SMTP_PASSWORD in clear; set it to starttls or tls.",
        ),
        (
            any(dkim) and not all(dkim),
            "SMTP_DKIM_DOMAIN, SMTP_DKIM_SELECTOR, SMTP_DKIM_KEY_FILE: set all of them or none.",
        ),
        (
            all(dkim) and not all(map(_NAME.fullmatch, dkim[:2])),
            "SMTP_DKIM_DOMAIN and SMTP_DKIM_SELECTOR must be names, such as example.com and mail.",
        ),
    )


def _times(given: MailerSettings) -> tuple[Rule, ...]:
    fence = given.fence_seconds
    return (
        (
            fence is not None and "ses" in given.transports and fence < SIGNATURE_SECONDS,
            "FENCE_SECONDS is below 300, but AWS takes a signed mail for that long.",
        ),
        (
            fence is not None and fence < LAUNCH_SECONDS,
            "FENCE_SECONDS is below 30, but a send may start that long after it was armed.",
        ),
        (given.evidence_seconds < 0, "EVIDENCE_SECONDS must not be negative."),
    )


_MAILBOX: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,200}[A-Za-z0-9])?", re.ASCII)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
