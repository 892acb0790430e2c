"""What cannot work together stops the start with one sentence that names it."""

from __future__ import annotations

import pytest

from libs.errors import SettingsError
from libs.runtime.settings import load
from services.mailer.settings import MailerSettings, check

SMTP = {
    "MAIL": "smtp",
    "SMTP_HOST": "mail.example.com",
    "PUBLIC_URL": "https://chat.example.com",
}
SES = {"MAIL": "ses", "PUBLIC_URL": "https://chat.example.com"}

DKIM = {
    "SMTP_DKIM_DOMAIN": "example.com",
    "SMTP_DKIM_SELECTOR": "mail",
    "SMTP_DKIM_KEY_FILE": "secret.pem",
}

REFUSED = [
    ({"MAIL": "pigeon"}, "MAIL"),
    ({**SMTP, "SMTP_HOST": ""}, "SMTP_HOST"),
    ({**SMTP, "PUBLIC_URL": ""}, "PUBLIC_URL"),
    ({**SES, "PUBLIC_URL": ""}, "PUBLIC_URL"),
    ({"PUBLIC_URL": "chat.example.com"}, "PUBLIC_URL"),
    ({**SMTP, "SMTP_USERNAME": "shop"}, "SMTP_PASSWORD"),
    ({**SMTP, "SMTP_PASSWORD": "secret"}, "SMTP_USERNAME"),
    (
        {**SMTP, "SMTP_USERNAME": "shop", "SMTP_PASSWORD": "secret", "SMTP_TLS": "none"},
        "SMTP_TLS",
    ),
    ({**SMTP, "SMTP_TLS": "maybe"}, "SMTP_TLS"),
    ({**SMTP, "SMTP_DKIM_DOMAIN": "example.com"}, "SMTP_DKIM_KEY_FILE"),
    ({**SMTP, **DKIM, "SMTP_DKIM_SELECTOR": ""}, "SMTP_DKIM_SELECTOR"),
    ({**SMTP, **DKIM, "SMTP_DKIM_DOMAIN": "a.example; l=0"}, "SMTP_DKIM_DOMAIN"),
    ({**SMTP, "SMTP_PORT": "70000"}, "SMTP_PORT"),
    ({**SMTP, "MAIL_FALLBACK": "smtp"}, "MAIL_FALLBACK"),
    ({"MAIL_FALLBACK": "ses", "PUBLIC_URL": "https://chat.example.com"}, "MAIL_FALLBACK"),
    ({**SES, "MAIL_FALLBACK": "smtp"}, "SMTP_HOST"),
    ({**SMTP, "SES_EVENTS_QUEUE_URL": "https://sqs/queue"}, "SES_EVENTS_QUEUE_URL"),
    ({"ALERT_EMAIL": "nobody"}, "ALERT_EMAIL"),
    ({"ALERT_EMAIL": "a@b.example\r\nBcc: c@d.example"}, "ALERT_EMAIL"),
    ({"DUPLICATE_POLICY": "never_three"}, "DUPLICATE_POLICY"),
    ({**SES, "FENCE_SECONDS": "299"}, "FENCE_SECONDS"),
    ({**SMTP, "FENCE_SECONDS": "20"}, "FENCE_SECONDS"),
    ({"EVIDENCE_SECONDS": "-1"}, "EVIDENCE_SECONDS"),
]

TAKEN = [
    {},
    SMTP,
    {**SMTP, **DKIM},
    SES,
    {**SES, "MAIL_FALLBACK": "smtp", "SMTP_HOST": "mail.example.com"},
    {**SES, "SES_EVENTS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/events"},
    {
        **SMTP, "SMTP_HOST": "127.0.0.1", "SMTP_TLS": "none", "SMTP_USERNAME": "shop",
        "SMTP_PASSWORD": "secret",
    },
    {"ALERT_EMAIL": "ops@example.com", "DUPLICATE_POLICY": "never_two"},
]  # fmt: skip


@pytest.mark.parametrize(("environ", "named"), REFUSED)
def test_a_contradiction_is_refused_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as refused:
        check(load(MailerSettings, environ))

    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "secret" not in sentence


@pytest.mark.parametrize("environ", TAKEN)
def test_what_works_together_is_taken(environ: dict[str, str]) -> None:
    check(load(MailerSettings, environ))


@pytest.mark.parametrize(
    ("tls", "port", "expected"),
    [("tls", "", 465), ("starttls", "", 587), ("none", "", 25), ("tls", "2465", 2465)],
)
def test_the_port_goes_with_the_kind_of_tls(tls: str, port: str, expected: int) -> None:
    settings = load(MailerSettings, {**SMTP, "SMTP_TLS": tls, "SMTP_PORT": port})

    assert settings.smtp_address == ("mail.example.com", expected)
