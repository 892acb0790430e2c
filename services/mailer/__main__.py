"""`python -m services.mailer`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.mailer.settings import MailerSettings
    from services.mailer.wiring import wire

    return MailerSettings, wire


if __name__ == "__main__":
    main("mailer", parts)
