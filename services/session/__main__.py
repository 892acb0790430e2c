"""`python -m services.session`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.session.settings import SessionSettings
    from services.session.wiring import wire

    return SessionSettings, wire


if __name__ == "__main__":
    main("session", parts)
