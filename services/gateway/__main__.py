"""`python -m services.gateway`."""

from libs.runtime.run import main
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import wire

if __name__ == "__main__":
    main("gateway", GatewaySettings, wire)
