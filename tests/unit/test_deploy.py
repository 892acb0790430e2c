"""What stands in deploy/ says the same as the code: the manifests of Kubernetes, the dashboard."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.runtime import metrics
from libs.runtime.clock import SystemClock
from libs.runtime.log import Log
from libs.runtime.settings import CommonSettings, load
from libs.web.health import Health
from libs.web.requests import Requests
from services.attachments.settings import AttachmentsSettings
from services.chat.settings import ChatSettings
from services.gateway.settings import GatewaySettings
from services.lead.settings import LeadSettings
from services.mailer.settings import MailerSettings, check
from services.session.settings import SessionSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((ROOT / "deploy/k8s/handoff.yaml").read_text())
)
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/handoff.json").read_text())
SETTINGS: dict[str, type[CommonSettings]] = {
    "gateway": GatewaySettings, "session": SessionSettings, "chat": ChatSettings,
    "lead": LeadSettings, "mailer": MailerSettings, "attachments": AttachmentsSettings,
}  # fmt: skip
SECRET = {"SITE_KEYS": "k" * 40, "OPENAI_API_KEY": "sk-test"}


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    return {doc["metadata"]["name"]: doc for doc in MANIFESTS if doc["kind"] in kinds}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = of_kind("Deployment", "StatefulSet")[name]["spec"]["template"]["spec"]
    return spec


def test_kubernetes_runs_the_same_services_as_compose() -> None:
    assert of_kind("Deployment", "StatefulSet").keys() == SETTINGS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_pod_is_locked_down_as_its_container_is_in_compose(name: str) -> None:
    composed, spec = COMPOSE["services"][name], pod(name)
    [container] = spec["containers"]
    secured = container["securityContext"]

    assert container["command"] == shlex.split(composed["command"])
    assert container["image"] == composed["image"]
    assert secured["readOnlyRootFilesystem"] is composed["read_only"]
    assert secured["capabilities"]["drop"] == composed["cap_drop"]
    assert secured["allowPrivilegeEscalation"] is False
    assert str(spec["securityContext"]["runAsUser"]) == composed["user"]
    assert f"{spec['terminationGracePeriodSeconds']}s" == composed["stop_grace_period"]
    assert {each["mountPath"] for each in container["volumeMounts"]} == {"/tmp", "/data"}  # noqa: S108
    assert spec["enableServiceLinks"] is False


@pytest.mark.parametrize("name", SETTINGS)
def test_a_pod_is_asked_where_its_service_answers(name: str) -> None:
    """The gateway and attachments on their own port, the others on that of their numbers."""
    environ = of_kind("ConfigMap")["handoff"]["data"] | SECRET
    settings = load(SETTINGS[name], environ)
    port = {
        "gateway": settings.port,
        "attachments": getattr(settings, "attachments_port", 0),
    }.get(name, settings.metrics_port)
    [container] = pod(name)["containers"]
    requests = Requests("test", Log("test"), metrics.Metrics(), SystemClock())
    paths = {route.path for route in Health((), requests).routes()}

    for probe in ("livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] == port
        assert asked["path"] in paths
    open_ports = {each["containerPort"] for each in container["ports"]}
    assert open_ports == {port, settings.metrics_port}
    if service := of_kind("Service").get(name):
        assert {each["port"] for each in service["spec"]["ports"]} == {port}
        assert service["spec"]["selector"] == {"app": name}


def test_the_runbook_calls_handoff_where_it_is() -> None:
    told = (ROOT / "docs/operations.md").read_text()
    [composed] = re.findall(r"`docker compose exec (\w+) handoff", told)
    [deployed] = re.findall(r"`kubectl exec deploy/(\w+) -- handoff", told)
    [forwarded, port] = re.findall(r"`kubectl port-forward service/(\w+) (\d+)`", told)[0]
    [logged] = re.findall(r"`kubectl logs -l 'app in \(([^)]+)\)'", told)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert "handoff" in project["scripts"]
    assert "ENV PATH=/venv/bin:$PATH" in (ROOT / "deploy/Dockerfile").read_text()
    assert composed in COMPOSE["services"]
    assert deployed in of_kind("Deployment")
    assert {"port": int(port)} in of_kind("Service")[forwarded]["spec"]["ports"]
    labels = [pod_["spec"]["template"]["metadata"]["labels"]["app"]
              for pod_ in of_kind("Deployment", "StatefulSet").values()]  # fmt: skip
    assert sorted(logged.split(", ")) == sorted(labels)


def test_receipts_of_the_mailer_are_on_a_disk_in_both() -> None:
    claims = of_kind("StatefulSet")["mailer"]["spec"]["volumeClaimTemplates"]

    assert [claim["metadata"]["name"] for claim in claims] == ["data"]
    assert COMPOSE["services"]["mailer"]["volumes"] == ["mailer:/data"]
    assert "data" not in {each["name"] for each in pod("mailer")["volumes"]}


def test_the_environment_is_that_of_the_large_example() -> None:
    lines = (ROOT / "deploy/env/large.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    environ = of_kind("ConfigMap")["handoff"]["data"]

    assert environ.keys() | SECRET.keys() == example.keys()
    assert {
        name: environ[name] for name, value in example.items() if value and name in environ
    } == {name: value for name, value in example.items() if value and name in environ}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_service_takes_that_environment(name: str) -> None:
    settings = load(SETTINGS[name], of_kind("ConfigMap")["handoff"]["data"] | SECRET)

    if isinstance(settings, MailerSettings):
        check(settings)
    assert settings.redis_url


def series() -> dict[str, set[str]]:
    """Names and labels as `/metrics` writes them, each metric counted once."""
    counted = metrics.Metrics()
    for metric in vars(metrics).values():
        if isinstance(metric, metrics.Metric):
            labels = ["x"] * len(metric.labels)
            if metric.kind == "histogram":
                counted.observe_all(metric, *labels, all_seconds=(1,))
            else:
                counted.count(metric, *labels)
    found: dict[str, set[str]] = {}
    for line in counted.prometheus().splitlines():
        if not line.startswith("#"):
            name = re.split(r"[{ ]", line)[0]
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', line))
    return found


def queries() -> list[tuple[str, str]]:
    return [
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.mark.parametrize(("title", "query"), queries())
def test_the_dashboard_asks_for_what_metrics_tells(title: str, query: str) -> None:
    known = series()
    names = set(re.findall(r"handoff_\w+", query))
    by = {label for found in re.findall(r"by \(([^)]*)\)", query) for label in found.split(", ")}
    by |= set(re.findall(r'[{,](\w+)=~?"', query))

    assert names
    assert names <= known.keys(), title
    assert all(by <= known[name] for name in names), title


@pytest.mark.parametrize(("title", "query"), queries())
def test_a_gauge_that_nobody_tells_is_not_drawn_as_nothing(title: str, query: str) -> None:
    """A counter begins with its first event; of a gauge, silence is a trouble of its own."""
    gauges = {m.name for m in vars(metrics).values()
              if isinstance(m, metrics.Metric) and m.kind == "gauge"}  # fmt: skip

    assert "or vector" not in query or not gauges & set(re.findall(r"handoff_\w+", query)), title


def test_the_dashboard_shows_every_metric() -> None:
    """A new one is drawn, or nobody will ever look at it."""
    asked = " ".join(query for _, query in queries())

    missing = [
        metric.name
        for metric in vars(metrics).values()
        if isinstance(metric, metrics.Metric) and metric.name not in asked
    ]
    assert missing == []


def test_a_legend_names_labels_that_its_query_keeps() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            kept = re.findall(r"by \(([^)]*)\)", target["expr"])
            assert shown <= {label for found in kept for label in found.split(", ")}, panel["title"]


def test_panels_stand_beside_each_other() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells

    assert len(ids) == len(set(ids))
    assert max(x for x, _ in taken) < 24
