"""`python -m services.chat`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.chat.settings import ChatSettings
    from services.chat.wiring import wire

    return ChatSettings, wire


if __name__ == "__main__":
    main("chat", parts)
