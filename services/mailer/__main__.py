"""`python -m services.mailer`"""

from libs.runtime.run import main
from services.mailer.settings import MailerSettings
from services.mailer.wiring import wire

if __name__ == "__main__":
    main("mailer", MailerSettings, wire)
