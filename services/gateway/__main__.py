"""`python -m services.gateway`."""

from libs.runtime.run import Parts, main


def parts() -> Parts:
    from services.gateway.settings import GatewaySettings
    from services.gateway.wiring import wire

    return GatewaySettings, wire


if __name__ == "__main__":
    main("gateway", parts)
