"""`python -m services.attachments`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.attachments.settings import AttachmentsSettings
    from services.attachments.wiring import wire

    return AttachmentsSettings, wire


if __name__ == "__main__":
    main("attachments", parts)
