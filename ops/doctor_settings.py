"""The doctor's question about settings: would every service start on them?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from libs.errors import SettingsError
from libs.identity.keys import site_keys
from libs.runtime.settings import CommonSettings, all_faults, load
from ops.desk import Setup
from ops.finding import Finding
from services.attachments.settings import AttachmentsSettings
from services.chat.settings import ChatSettings
from services.gateway.front import runtime_origins
from services.gateway.settings import GatewaySettings
from services.lead.settings import LeadSettings
from services.mailer.settings import MailerSettings
from services.session.settings import SessionSettings

OF_SERVICES: Final[Mapping[str, type[CommonSettings]]] = {
    "gateway": GatewaySettings,
    "session": SessionSettings,
    "chat": ChatSettings,
    "lead": LeadSettings,
    "mailer": MailerSettings,
    "attachments": AttachmentsSettings,
}


async def settings(desk: Setup) -> Finding:
    if found := refusals(desk.environ):
        services = ", ".join(name for name in OF_SERVICES if name in set().union(*found.values()))
        do = f"Mend what is named (`docs/settings.md`): with it {services} will not start."
        return Finding(what="settings", ok=False, said=" ".join(found), do=do)
    shops = ", ".join(sorted(desk.shops.by_slug))
    said = f"shops {shops}; records {desk.settings.records}, blobs {desk.settings.blobs}"
    return Finding(what="settings", ok=True, said=said)


def refusals(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Each sentence with which a start is refused, and the services that would say it."""
    found: dict[str, list[str]] = {}
    for service, kind in OF_SERVICES.items():
        for sentence in all_faults(kind, environ) or _later(service, environ):
            found.setdefault(sentence, []).append(service)
    return found


def _later(service: str, environ: Mapping[str, str]) -> list[str]:
    """What a service asks of its settings only when it is wired."""
    try:
        if service == "gateway":
            runtime_origins(load(GatewaySettings, environ))
        common = load(CommonSettings, environ)
        if common.records == "dynamodb":  # many machines, where nobody makes keys
            site_keys(common, one_machine=False)
    except SettingsError as error:
        return [str(error)]
    return []
