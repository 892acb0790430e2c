"""`python -m services.session`"""

from libs.runtime.run import main
from services.session.settings import SessionSettings
from services.session.wiring import wire

if __name__ == "__main__":
    main("session", SessionSettings, wire)
