"""The packages that were written for the official SDK run on this one as they are published.

And the spans of our own plugins are theirs: the same names, ids, parents, links, attributes and
states, for the same program.
"""

from __future__ import annotations

import json
from typing import Any

import aws_durable_execution_sdk_python_otel as official
import pytest
from aws_durable_execution_sdk_python_telemetry_exporter import (
    DurableExecutionTelemetryConfig,
    FileExporter,
    durable_execution_telemetry,
)
from fake_service import FakeService
from flavours import Flavour
from span_programs import PROGRAMS, Exported

from aws_durable_execution_sdk_python.integrations import otel as ours

VIEWS = ["Invocation", "Execution"]


def exported(package: Any, view: str, flavour: Flavour, program: Any) -> Exported:
    spans = Exported()
    config = package.OtelPluginConfig(tracer_provider=spans.provider)
    factory = getattr(package, f"{view}OtelPluginFactory")(config)
    service = FakeService(event={"a": 1})
    service.run(flavour.durable(program(flavour), plugins=[factory]))
    return spans


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_our_spans_are_those_of_the_published_plugin(
    view: str, flavour: Flavour, program: Any
) -> None:
    theirs = exported(official, view, flavour, program)
    own = exported(ours, view, flavour, program)

    assert sorted(own.shown()) == sorted(theirs.shown())
    assert len(own.spans) > 3


HEADERS = [
    "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1",
    "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0",
    " Root=1-67891233-abcdef012345678912345678 ; Lineage=a:0",
    "Root=1-67891233-abcdef0123456789;Parent=53995c3f42cd8ad8;Sampled=1",
    "Root=1-67891233-abcdef012345678912345678;Parent=0000000000000000;Sampled=?",
    "nothing",
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("header", HEADERS)
def test_the_trace_that_lambda_tells_is_taken_up_alike(
    view: str, header: str, flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    theirs = exported(official, view, flavour, PROGRAMS[1])
    own = exported(ours, view, flavour, PROGRAMS[1])

    assert sorted(own.shown()) == sorted(theirs.shown())


def test_ids_are_those_of_the_published_package() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/a/b"
    for name in ("derive_workflow_span_id", "derive_execution_root_span_id"):
        assert getattr(ours, name)(arn) == getattr(official, name)(arn)
    assert ours.operation_id_to_span_id(arn, "x") == official.operation_id_to_span_id(arn, "x")


def test_everything_that_the_published_package_exports_is_ours_too() -> None:
    assert set(official.__all__) - {"__version__"} <= set(ours.__all__)


def test_the_telemetry_exporter_runs(flavour: Flavour, tmp_path: Any) -> None:
    exporter = FileExporter(directory=str(tmp_path))
    config = DurableExecutionTelemetryConfig(exporters=[exporter], emit_mode="on-complete")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="one")
        await ctx.wait(seconds=1, name="pause")
        return {"done": True}

    service = FakeService(event={"a": 1})
    service.run(flavour.durable(handler, plugins=[durable_execution_telemetry(config)]))

    (file,) = tmp_path.iterdir()
    record = json.loads(file.read_text().splitlines()[-1])
    assert (record["recordType"], record["status"]) == ("DurableExecutionTelemetry", "SUCCEEDED")
    assert (record["input"], record["output"]) == ({"a": 1}, {"done": True})
    assert [(o["name"], o["status"]) for o in record["operations"]] == [
        ("one", "SUCCEEDED"),
        ("pause", "SUCCEEDED"),
    ]
