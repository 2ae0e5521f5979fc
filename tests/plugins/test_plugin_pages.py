"""What docs/plugins.md and docs/opentelemetry.md say to write works, with a collector that listens.

It takes OTLP over HTTP, as the exporters of OpenTelemetry send it.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("plugins", "opentelemetry")
}
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = {name: text for page in PAGES.values() for name, text in BLOCK.findall(page)}


class Collector:
    """What was exported to it: names of spans with those above, and of metrics."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for resource in traces.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        else:
            measured = ExportMetricsServiceRequest.FromString(body)
            for each in measured.resource_metrics:
                for metrics in each.scope_metrics:
                    self.metrics |= {metric.name for metric in metrics.metrics}

    @property
    def tree(self) -> set[tuple[str, str]]:
        """Each span with the one above it."""
        names = {span.span_id: span.name for span in self.spans}
        return {(names.get(span.parent_span_id, ""), span.name) for span in self.spans}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    listening = Collector()
    thread = threading.Thread(target=listening.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", listening.endpoint)
    yield listening
    listening.server.shutdown()
    listening.server.server_close()
    thread.join()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a program of the pages; gives its module and the result."""
    for name, text in BLOCKS.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def run_program(name: str) -> tuple[Any, Any]:
        module = importlib.import_module(name)
        with DurableFunctionTestRunner(module.handler) as runner:
            return module, runner.run(input={}, timeout=30)

    yield run_program
    for name in BLOCKS:
        sys.modules.pop(name, None)


def test_every_python_block_is_a_program() -> None:
    assert len(BLOCKS) == sum(page.count("```python\n") for page in PAGES.values())
    assert set(BLOCKS) == {"slow_steps", "audit", "counted", "traced", "measured"}


def test_the_plugin_for_slow_operations(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    _, result = run("slow_steps")
    assert result.result == "done"
    assert [r.message for r in caplog.records if r.name == "slow"] == ["Wait cooling took 120 s"]


def test_the_async_plugin(run: Any) -> None:
    module, result = run("audit")
    assert result.result == "done"
    assert [line.split()[-1] for line in module.sent] == ["PENDING", "SUCCEEDED"]


def test_the_metrics_of_the_log(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, result = run("counted")
    assert result.result == "done"
    assert json.loads(capsys.readouterr().out.splitlines()[0])["Executions"] == 1


def test_a_trace_arrives_at_the_collector(run: Any, collector: Collector) -> None:
    module, result = run("traced")
    module.provider.shutdown()
    assert result.result == "shipped"
    assert len({span.trace_id for span in collector.spans}) == 1
    assert collector.tree == {
        ("", "DurableExecutionRoot"),
        ("DurableExecutionRoot", "Workflow"),
        ("DurableExecutionRoot", "Invocation"),
        ("Workflow", "charge"),
        ("charge", "charge attempt 1"),
        ("Workflow", "packing"),
        ("Workflow", "ship"),
        ("ship", "ship attempt 1"),
    }


def test_metrics_arrive_at_the_collector(run: Any, collector: Collector) -> None:
    module, result = run("measured")
    module.meters.shutdown()
    assert result.result == "done"
    rows = re.findall(r"^\| (`durable.*?) \|", PAGES["opentelemetry"], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(.*?)`", row)}
    assert collector.metrics == named - {"durable.retries"}


@pytest.mark.parametrize("example", ["tracing", "tracing_async"])
def test_an_example_exports_to_the_collector(
    example: str, collector: Collector, tmp_path: Path
) -> None:
    command = [
        str(Path(sys.executable).with_name("durable")),
        *("run", f"examples/{example}.py", "--event", '{"order_id": "o-5"}', "--skip-time"),
        *("--json", "--store", str(tmp_path / "store.db")),
    ]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["result"] == ["o-5-reserved", "o-5-shipped"]
    assert ("reserve attempt 1", "warehouse") in collector.tree
    assert ("ship", "ship attempt 1") in collector.tree
