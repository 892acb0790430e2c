"""`python -m services.lead`."""

from libs.runtime.run import main
from services.lead.settings import LeadSettings
from services.lead.wiring import wire

if __name__ == "__main__":
    main("lead", LeadSettings, wire)
