"""`python -m services.lead`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.lead.settings import LeadSettings
    from services.lead.wiring import wire

    return LeadSettings, wire


if __name__ == "__main__":
    main("lead", parts)
