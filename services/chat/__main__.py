"""`python -m services.chat`."""

from libs.runtime.run import main
from services.chat.settings import ChatSettings
from services.chat.wiring import wire

if __name__ == "__main__":
    main("chat", ChatSettings, wire)
