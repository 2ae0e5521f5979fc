"""The numbers of an execution, as OpenTelemetry metrics and in CloudWatch's log format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_service import FakeService
from flavours import Flavour
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.integrations.emf import EmfMetricsPluginFactory
from aws_durable_execution_sdk_python.integrations.otel import OtelMetricsPluginFactory
from aws_durable_execution_sdk_python.retries import RetryDecision


def program() -> Any:
    failing = [ValueError("first")]

    def flaky() -> int:
        if failing:
            raise failing.pop()
        return 1

    def broken() -> None:
        raise LookupError("broken")

    async def handler(event: Any, ctx: Any) -> Any:
        retry = StepConfig(retry_strategy=lambda e, n: RetryDecision.retry(Duration(1)))
        await ctx.step(flaky, name="flaky", config=retry)
        await ctx.wait(seconds=1)
        try:
            await ctx.step(broken, name="broken")
        except LookupError:
            return 1

    return handler


def test_executions_are_counted_as_metrics(flavour: Flavour) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    factory, service = OtelMetricsPluginFactory(provider), FakeService()
    service.run(flavour.durable(program(), plugins=[factory]))

    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, dict[tuple[Any, ...], Any]] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            attributes = dict(point.attributes or {})
            assert attributes.pop("faas.name") == "orders"
            assert attributes.pop("faas.version") == "7"
            value = getattr(point, "value", None) or getattr(point, "count", None)
            found.setdefault(metric.name, {})[tuple(attributes.values())] = value

    size = found.pop("durable.checkpoint.size")[()]
    assert size > 500
    assert found == {
        "durable.invocations": {("PENDING",): 2, ("SUCCEEDED",): 1},
        "durable.executions": {("SUCCEEDED",): 1},
        "durable.execution.duration": {("SUCCEEDED",): 1},
        "durable.operations": {
            ("Step", "SUCCEEDED"): 1,
            ("Wait", "SUCCEEDED"): 1,
            ("Step", "FAILED"): 1,
        },
        "durable.retries": {(): 1},
        "durable.replay.duration": {(): 2},
        "durable.service.calls": {("CheckpointDurableExecution",): len(service.requests)},
    }


def test_executions_are_counted_in_the_log(flavour: Flavour) -> None:
    lines: list[str] = []
    factory, service = EmfMetricsPluginFactory("Orders", write=lines.append), FakeService()
    service.run(flavour.durable(program(), plugins=[factory]))

    records = [json.loads(line) for line in lines]
    assert len(records) == 3
    for record in records:
        (directive,) = record["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Orders"
        assert directive["Dimensions"] == [["function_name", "qualifier"]]
        assert all(metric["Name"] in record for metric in directive["Metrics"])
        assert (record["function_name"], record["qualifier"]) == ("orders", "7")
        assert record["_aws"]["Timestamp"] > 1_700_000_000_000
    last = records[-1]
    assert {
        name: sum(record.get(name, 0) for record in records)
        for name in ("Invocations", "Operations", "OperationsFailed", "Retries", "CheckpointCalls")
    } == {
        "Invocations": 3,
        "Operations": 3,
        "OperationsFailed": 1,
        "Retries": 1,
        "CheckpointCalls": len(service.requests),
    }
    assert (last["Executions"], last["ExecutionsFailed"]) == (1, 0)
    assert "Executions" not in records[0]
    assert last["ReplayDuration"] >= 0


def test_the_line_goes_to_standard_output(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeService().run(flavour.durable(program(), plugins=[EmfMetricsPluginFactory()]))
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "DurableExecutions"
