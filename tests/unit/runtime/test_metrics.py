"""Metrics: true numbers in both forms."""

from __future__ import annotations

import re
from pathlib import Path

from libs.runtime import metrics as metrics_module
from libs.runtime.metrics import HTTP_REQUESTS, HTTP_SECONDS, POSSIBLE_DUPLICATES, Metrics


def test_counts_by_label_and_in_total() -> None:
    metrics = Metrics()
    metrics.count(HTTP_REQUESTS, "gateway", "lead", "200")
    metrics.count(HTTP_REQUESTS, "gateway", "lead", "200")
    metrics.count(HTTP_REQUESTS, "gateway", "lead", "429", by=3)

    assert metrics.value(HTTP_REQUESTS, "gateway", "lead", "200") == 2
    assert metrics.total(HTTP_REQUESTS) == 5


def test_the_text_form_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.count(HTTP_REQUESTS, "gateway", 'a"b\\c\n', "200")
    metrics.observe_all(HTTP_SECONDS, "gateway", "lead", all_seconds=(0.004, 99))
    metrics.count(POSSIBLE_DUPLICATES)

    text = metrics.prometheus()

    assert (
        'handoff_http_requests_total{listener="gateway",route="a\\"b\\\\c\\n",status="200"} 1\n'
        in text
    )
    assert 'handoff_http_seconds_bucket{listener="gateway",route="lead",le="0.0025"} 0\n' in text
    assert 'handoff_http_seconds_bucket{listener="gateway",route="lead",le="0.005"} 1\n' in text
    assert 'handoff_http_seconds_bucket{listener="gateway",route="lead",le="+Inf"} 2\n' in text
    assert 'handoff_http_seconds_sum{listener="gateway",route="lead"} 99.004\n' in text
    assert 'handoff_http_seconds_count{listener="gateway",route="lead"} 2\n' in text
    assert "handoff_possible_duplicates_total 1\n" in text
    assert text.count("# TYPE handoff_http_seconds histogram") == 1


def test_large_counts_keep_every_digit() -> None:
    metrics = Metrics()
    metrics.count(POSSIBLE_DUPLICATES, by=123_456_789)

    assert "handoff_possible_duplicates_total 123456789\n" in metrics.prometheus()


def test_every_metric_is_counted_somewhere() -> None:
    """One that is not would be a dashboard's flat line for ever."""
    root = Path(metrics_module.__file__).parents[2]
    files = [file for part in ("libs", "services") for file in (root / part).rglob("*.py")]
    code = "\n".join(file.read_text() for file in files if file != Path(metrics_module.__file__))
    names = {
        name for name, one in vars(metrics_module).items() if isinstance(one, metrics_module.Metric)
    }

    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()
