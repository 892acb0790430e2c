"""Every metric we keep: a name, a kind and a sentence. Nothing else may be counted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Literal

import msgspec


class Metric(msgspec.Struct, frozen=True, eq=False):
    name: str
    kind: Literal["counter", "gauge", "histogram"]
    sentence: str
    labels: tuple[str, ...] = ()


BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_REQUESTS = Metric(
    "handoff_http_requests_total",
    "counter",
    "Answered HTTP requests.",
    ("listener", "route", "status"),
)
HTTP_SECONDS = Metric(
    "handoff_http_seconds", "histogram", "Time from request to answer.", ("listener", "route")
)
RATE_LIMITED = Metric(
    "handoff_rate_limited_total", "counter", "Requests refused by a limit.", ("limit",)
)
HANDLED = Metric(
    "handoff_handled_total", "counter", "Deliveries and what became of them.", ("stream", "outcome")
)
HANDLER_SECONDS = Metric(
    "handoff_handler_seconds", "histogram", "Time a handler took.", ("stream",)
)
STREAM_LAG = Metric("handoff_stream_lag", "gauge", "Entries nobody has read yet.", ("stream",))
STREAM_OLDEST = Metric(
    "handoff_stream_oldest_seconds",
    "gauge",
    "Age of the oldest entry that nobody works on, but for those that wait for a retry.",
    ("stream",),
)
STREAM_PENDING = Metric(
    "handoff_stream_pending", "gauge", "Entries read but not yet settled.", ("stream",)
)
STREAM_RETRIES = Metric(
    "handoff_stream_retries", "gauge", "Entries waiting for a delayed retry.", ("stream",)
)
STREAM_DEAD = Metric(
    "handoff_stream_dead", "gauge", "Entries parked in the dead-letter stream.", ("stream",)
)
SESSIONS = Metric("handoff_sessions_total", "counter", "Session mints by outcome.", ("outcome",))
DECISIONS = Metric("handoff_decisions_total", "counter", "Lead decisions by reason.", ("reason",))
MODEL_CALLS = Metric(
    "handoff_model_calls_total", "counter", "Model calls by use and outcome.", ("use", "outcome")
)
UNGROUNDED = Metric(
    "handoff_ungrounded_total", "counter", "Facts a model made up, removed.", ("kind",)
)
MAILS = Metric(
    "handoff_mails_total", "counter", "Send attempts by outcome.", ("transport", "outcome")
)
POSSIBLE_DUPLICATES = Metric(
    "handoff_possible_duplicates_total", "counter", "Mails sent flagged as a possible copy."
)
PASSED_OVER = Metric(
    "handoff_recipients_passed_over_total",
    "counter",
    "Mails that left without a recipient whom the mail server did not take.",
)
HELD = Metric("handoff_held_total", "counter", "Leads that need a person.", ("reason",))
ALERTS = Metric(
    "handoff_alerts_total",
    "counter",
    "Alerts, to ALERT_EMAIL if that is set, else only to the log.",
    ("cause",),
)
RECORDS_UNREADABLE = Metric(
    "handoff_records_unreadable_total",
    "counter",
    "Overdue lead records that a sweep came upon and could not read.",
)
UPLOADS = Metric("handoff_uploads_total", "counter", "Uploads by outcome.", ("outcome",))
UPLOAD_BYTES = Metric("handoff_upload_bytes_total", "counter", "Bytes of accepted uploads.")

Labels = tuple[str, ...]


class Metrics:
    """Numbers of this process."""

    def __init__(self) -> None:
        self._values: dict[Metric, dict[Labels, float]] = {}
        self._buckets: dict[Metric, dict[Labels, list[int]]] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        series = self._values.setdefault(metric, {})
        series[labels] = series.get(labels, 0) + by

    def set(self, metric: Metric, *labels: str, value: float) -> None:
        self._values.setdefault(metric, {})[labels] = value

    def observe_all(self, metric: Metric, *labels: str, all_seconds: Sequence[float]) -> None:
        """Many at once, for a path that handles a hundred thousand a second."""
        rows = self._buckets.setdefault(metric, {})
        row = rows.get(labels)
        if row is None:
            row = rows[labels] = [0] * (len(BUCKETS) + 1)
        for seconds in all_seconds:
            row[bisect_left(BUCKETS, seconds)] += 1
        self.count(metric, *labels, by=sum(all_seconds))

    def value(self, metric: Metric, *labels: str) -> float:
        """One series; for a histogram the sum of its seconds."""
        return self._values.get(metric, {}).get(labels, 0)

    def total(self, metric: Metric) -> float:
        """All series of a metric together."""
        return sum(self._values.get(metric, {}).values())

    def prometheus(self) -> str:
        """The text exposition format."""
        lines: list[str] = []
        for metric, series in sorted(self._values.items(), key=lambda pair: pair[0].name):
            lines += [f"# HELP {metric.name} {metric.sentence}"]
            lines += [f"# TYPE {metric.name} {metric.kind}"]
            for labels, value in sorted(series.items()):
                lines += self._series(metric, labels, value)
        return "\n".join(lines) + "\n"

    def _series(self, metric: Metric, labels: Labels, value: float) -> list[str]:
        pairs = [f'{k}="{_escape(v)}"' for k, v in zip(metric.labels, labels, strict=True)]
        if metric.kind != "histogram":
            return [f"{metric.name}{_braces(pairs)} {value:.15g}"]
        lines, running = [], 0
        for bound, hits in zip((*BUCKETS, "+Inf"), self._buckets[metric][labels], strict=True):
            running += hits
            le = f'le="{bound}"'
            lines.append(f"{metric.name}_bucket{_braces([*pairs, le])} {running}")
        lines.append(f"{metric.name}_sum{_braces(pairs)} {value:.9g}")
        lines.append(f"{metric.name}_count{_braces(pairs)} {running}")
        return lines


def _braces(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
