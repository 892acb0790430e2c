"""`python -m services.attachments`"""

from libs.runtime.run import main
from services.attachments.settings import AttachmentsSettings
from services.attachments.wiring import wire

if __name__ == "__main__":
    main("attachments", AttachmentsSettings, wire)
