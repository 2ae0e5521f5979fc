"""What spans show besides what is compared with the published plugins: times, what is current,
samplers, logs, what invoked functions are told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from fake_service import ARN, FakeService, oid
from flavours import Flavour
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode
from span_programs import Exported, everything, suspended_inside

from aws_durable_execution_sdk_python.integrations.otel import (
    DeterministicIdGenerator,
    ExecutionOtelPluginFactory,
    ExtractedContext,
    InvocationOtelPluginFactory,
    OtelContextLogFilter,
    OtelPluginConfig,
    Sampling,
    derive_workflow_span_id,
    install_log_filter,
    operation_id_to_span_id,
)
from aws_durable_execution_sdk_python.plugin_discovery import load_configured_plugins

BOTH = pytest.mark.parametrize(
    "view",
    [InvocationOtelPluginFactory, ExecutionOtelPluginFactory],
    ids=["invocation", "execution"],
)


def run(
    flavour: Flavour, handler: Any, view: Any, spans: Exported, service: Any = None, **config: Any
) -> Any:
    factory = view(OtelPluginConfig(tracer_provider=spans.provider, **config))
    return (service or FakeService()).run(flavour.durable(handler, plugins=[factory]))


def current() -> int:
    return trace.get_current_span().get_span_context().span_id


def in_hex(span_id: int) -> str:
    return f"{span_id:016x}"


# --------------------------------------------------------------------------- what is current


@BOTH
def test_what_is_current_in_each_function(flavour: Flavour, view: Any) -> None:
    spans, seen = Exported(), {}

    def look(where: str) -> None:
        seen[where] = current()

    async def work() -> None:
        await asyncio.sleep(0)
        look("async step")

    async def inside(ctx: Any) -> None:
        look("context")
        await ctx.step(lambda: look("blocking step"), name="blocking")
        await ctx.step(work, name="async")
        await ctx.step(lambda: work(), name="lambda")
        look("context after")

    async def handler(event: Any, ctx: Any) -> Any:
        look("handler")
        await ctx.run_in_child_context(flavour.function(inside), name="child")
        look("handler after")

    run(flavour, handler, view, spans)

    ids = {span.name: span.context.span_id for span in spans.spans if span.context}
    child = operation_id_to_span_id(ARN, oid(1))
    is_execution = view is ExecutionOtelPluginFactory
    top = derive_workflow_span_id(ARN) if is_execution else ids["Invocation"]
    assert seen["handler"] == seen["handler after"] == top
    assert seen["context"] == seen["context after"] == child == ids["child"]
    assert seen["blocking step"] == ids["blocking attempt 1"]
    assert seen["async step"] == ids["lambda attempt 1"]
    assert not trace.get_current_span().get_span_context().is_valid


@BOTH
def test_spans_of_the_users_own_are_below_what_runs(flavour: Flavour, view: Any) -> None:
    spans = Exported()
    tracer = spans.provider.get_tracer("program")

    def work() -> None:
        with tracer.start_as_current_span("query"):
            pass

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(work, name="step")

    run(flavour, handler, view, spans)

    assert spans.parent(spans.one("query")) == "step attempt 1"


@BOTH
def test_branches_do_not_see_each_others_spans(flavour: Flavour, view: Any) -> None:
    spans = Exported()
    tracer = spans.provider.get_tracer("program")

    async def branch(ctx: Any, item: int, *_: Any) -> None:
        async def work() -> None:
            with tracer.start_as_current_span(f"query {item}"):
                await asyncio.sleep(0)

        await ctx.step(work, name=f"step {item}")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.map([1, 2, 3], flavour.function(branch), name="all")

    run(flavour, handler, view, spans)

    for item in (1, 2, 3):
        assert spans.parent(spans.one(f"query {item}")) == f"step {item} attempt 1"
        assert spans.parent(spans.one(f"step {item}")) == f"map-item-{item - 1}"


def test_a_span_around_the_handler_stays_current_and_is_above_the_invocation(
    flavour: Flavour,
) -> None:
    spans, seen = Exported(), []
    tracer = spans.provider.get_tracer("layer")

    async def handler(event: Any, ctx: Any) -> Any:
        seen.append(current())

    with tracer.start_as_current_span("lambda") as around:
        context = around.get_span_context()
        run(
            flavour,
            handler,
            InvocationOtelPluginFactory,
            spans,
            context_extractor=lambda info: ExtractedContext(context.trace_id, None),
        )
        assert trace.get_current_span() is around

    assert seen == [context.span_id]
    assert spans.parent(spans.one("Invocation")) == "lambda"
    assert spans.parent(spans.one("Workflow")) == "DurableExecutionRoot"


# ------------------------------------------------------------------------------------- times


@BOTH
def test_no_span_ends_before_it_starts_and_contexts_enclose_what_is_inside(
    flavour: Flavour, view: Any
) -> None:
    spans = Exported()
    run(flavour, suspended_inside(flavour), view, spans)

    by_id = {span.context.span_id: span for span in spans.spans if span.context}
    for span in spans.spans:
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.end_time >= span.start_time
        if view is not ExecutionOtelPluginFactory or span.attributes is None:
            continue
        above = by_id.get(span.parent.span_id) if span.parent else None
        if "durable.operation.id" in span.attributes and above and above.name != "Workflow":
            assert above.start_time is not None
            assert above.end_time is not None
            assert above.start_time <= span.start_time
            assert span.end_time <= above.end_time


@BOTH
def test_an_operation_has_one_id_however_many_invocations_work_on_it(
    flavour: Flavour, view: Any
) -> None:
    spans = Exported()
    run(flavour, suspended_inside(flavour), view, spans)

    ids = [span.context.span_id for span in spans.named("child") if span.context]
    if view is ExecutionOtelPluginFactory:
        assert ids == [operation_id_to_span_id(ARN, oid(1))]
    else:
        assert len(set(ids)) == len(ids) == len(spans.named("Invocation"))
        assert ids[0] == operation_id_to_span_id(ARN, oid(1))
        assert all(spans.links(span)[0] == "child" for span in spans.named("child")[1:])


@BOTH
def test_an_attempt_that_is_cut_off_says_so(flavour: Flavour, view: Any) -> None:
    spans = Exported()

    class Died(BaseException):
        """As if the process had been killed."""

    def work() -> None:
        raise Died

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(work, name="step")

    with pytest.raises(Died):
        run(flavour, handler, view, spans)

    attempt = spans.one("step attempt 1")
    assert attempt.attributes is not None
    assert attempt.attributes["durable.span.truncated_at_invocation_boundary"] is True
    assert attempt.attributes["durable.attempt.outcome"] == "INCOMPLETE"
    assert attempt.status.status_code is StatusCode.UNSET
    invocation = spans.one("Invocation")
    assert invocation.attributes is not None
    assert invocation.attributes["durable.invocation.status"] == "RETRYING"
    assert invocation.status.status_code is StatusCode.UNSET
    assert spans.named("Workflow") == []


@BOTH
def test_an_error_is_an_event_with_its_type(flavour: Flavour, view: Any) -> None:
    spans = Exported()

    def work() -> None:
        raise LookupError("nothing there")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(work, name="step")

    run(flavour, handler, view, spans)

    for name in ("step", "step attempt 1"):
        span = spans.one(name)
        assert (span.status.status_code, span.status.description) == (
            StatusCode.ERROR,
            "nothing there",
        )
        (event,) = span.events
        assert event.name == "exception"
        assert event.attributes is not None
        assert event.attributes["exception.type"] == "LookupError"
    workflow = spans.one("Workflow")
    assert workflow.status.status_code is StatusCode.ERROR


# ---------------------------------------------------------------------------------- sampling


@BOTH
@pytest.mark.parametrize(
    ("sampling", "sampler", "exported"),
    [
        (Sampling.SAMPLED, ALWAYS_OFF, True),
        (Sampling.NOT_SAMPLED, ALWAYS_ON, False),
        (Sampling.UNDECIDED, ALWAYS_OFF, False),
        (Sampling.UNDECIDED, ALWAYS_ON, True),
    ],
)
def test_one_decision_holds_for_all_spans(
    flavour: Flavour, view: Any, sampling: Sampling, sampler: Sampler, exported: bool
) -> None:
    spans = Exported(sampler)
    run(
        flavour,
        everything(flavour),
        view,
        spans,
        context_extractor=lambda info: ExtractedContext(None, None, sampling),
    )

    assert bool(spans.spans) is exported


def test_the_provider_keeps_its_own_sampler_and_ids(flavour: Flavour) -> None:
    spans = Exported()
    run(flavour, everything(flavour), InvocationOtelPluginFactory, spans)

    tracer = spans.provider.get_tracer("program")
    assert not isinstance(tracer.id_generator, DeterministicIdGenerator)  # type: ignore[attr-defined]
    assert tracer.sampler is spans.provider.sampler  # type: ignore[attr-defined]


# ----------------------------------------------------------------- without spans, and flushing


def test_without_the_sdk_there_are_no_spans_and_a_warning(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.step(lambda: 1)

    config = OtelPluginConfig(tracer_provider=NoOpTracerProvider())
    durable = flavour.durable(handler, plugins=[InvocationOtelPluginFactory(config)])
    assert FakeService().run(durable)["Status"] == "SUCCEEDED"
    assert "is no tracer of the OpenTelemetry SDK" in caplog.text


def test_spans_are_flushed_at_the_end_of_each_invocation(
    flavour: Flavour, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans, flushed = Exported(), []

    def flush() -> None:
        flushed.append(len(spans.spans))
        raise OSError("no network")

    monkeypatch.setattr(spans.provider, "force_flush", flush)

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.wait(seconds=1)

    response = run(flavour, handler, InvocationOtelPluginFactory, spans)
    assert response["Status"] == "SUCCEEDED"
    assert len(flushed) == 2
    assert "could not be flushed" in caplog.text


def test_only_one_view_shows_a_handler() -> None:
    with pytest.raises(Exception, match="exclude each other"):
        load_configured_plugins([InvocationOtelPluginFactory(), ExecutionOtelPluginFactory()])
    names = {"DURABLE_EXECUTION_PLUGINS": "opentelemetry-execution"}
    (factory,) = load_configured_plugins(None, environment=names)
    assert isinstance(factory, ExecutionOtelPluginFactory)


# ------------------------------------------------------------------------------- propagation


@BOTH
def test_an_invoked_function_is_told_the_span_of_its_invoke(flavour: Flavour, view: Any) -> None:
    spans, service = Exported(), FakeService()
    factory = view(OtelPluginConfig(tracer_provider=spans.provider))

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.invoke("other", {}, name="call")

    durable = flavour.durable(handler, plugins=[factory])
    service.invoke(durable)
    service.complete("SUCCEEDED", 1, Result="1")
    service.invoke(durable)

    header = service.sent("START", 1)["ChainedInvokeOptions"]["XAmznTraceId"]
    call = spans.named("call")[0]
    assert call.context is not None
    trace_id, span_id = f"{call.context.trace_id:032x}", in_hex(call.context.span_id)
    assert header == f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={span_id};Sampled=1"


# -------------------------------------------------------------------------------------- logs


@BOTH
def test_log_records_tell_their_span(
    flavour: Flavour, view: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spans = Exported()
    log = logging.getLogger("program")

    async def handler(event: Any, ctx: Any) -> Any:
        log.warning("at the top")
        await ctx.step(lambda: log.warning("in a step"), name="step")

    run(flavour, handler, view, spans)
    log.warning("afterwards")

    stamps = {r.message: getattr(r, "spanId", None) for r in caplog.records if r.name == "program"}
    invocation, attempt = spans.one("Invocation").context, spans.one("step attempt 1").context
    assert invocation is not None
    assert attempt is not None
    assert stamps == {
        "at the top": in_hex(invocation.span_id),
        "in a step": in_hex(attempt.span_id),
        "afterwards": None,
    }
    (record,) = [r for r in caplog.records if r.message == "in a step"]
    assert record.traceId == f"{attempt.trace_id:032x}"  # type: ignore[attr-defined]
    assert record.otelTraceSampled is True  # type: ignore[attr-defined]


def test_logs_are_left_alone_when_not_asked_for(
    flavour: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        logging.getLogger("program").warning("plain")

    run(flavour, handler, InvocationOtelPluginFactory, Exported(), enrich_logger=False)
    (record,) = [r for r in caplog.records if r.message == "plain"]
    assert not hasattr(record, "traceId")


def test_a_filter_is_installed_once_a_handler() -> None:
    logger = logging.Logger("apart")
    logger.addHandler(logging.NullHandler())
    assert isinstance(install_log_filter(logger), OtelContextLogFilter)
    assert install_log_filter(logger) is None
    logger.addHandler(logging.NullHandler())
    assert install_log_filter(logger) is not None
    assert [len(handler.filters) for handler in logger.handlers] == [1, 1]


# ------------------------------------------------------------------------- calls of the service


@BOTH
@pytest.mark.parametrize("asked", [True, False])
def test_calls_of_the_service_are_client_spans_on_request(
    flavour: Flavour, view: Any, asked: bool
) -> None:
    spans = Exported()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="step")

    service = FakeService()
    run(flavour, handler, view, spans, service, service_call_spans=asked)

    calls = spans.named("CheckpointDurableExecution")
    for call in calls:
        assert call.kind is SpanKind.CLIENT
        assert spans.parent(call) == "Invocation"
    told = [(call.attributes or {})["durable.checkpoint.updates"] for call in calls]
    assert told == ([len(request) for request in service.requests] if asked else [])
