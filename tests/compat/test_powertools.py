"""Powertools for AWS Lambda, the real package: a test per utility.

Handlers are written as users of Powertools write them, blocking and async, with its decorators
below and above `@durable_execution`, and run on the local service. Each waits once, so that there
are two invocations, the second of which replays.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import botocore
import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.shared import user_agent
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import (
    IdempotencyConfig,
    idempotent,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import (
    BasePersistenceLayer,
    DataRecord,
)
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.validation import validator
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext as XRayContext

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)

# Its import has all botocore sessions from here on name it to AWS, those of the other tests too.
botocore.unregister_initializer(user_agent._initializer_botocore_session)

ORDER = {"id": "7", "amount": 20}


def plain(event: Any, context: DurableContext) -> Any:
    first = context.step(lambda: 1, name="one")
    context.wait(seconds=2)
    return first + context.step(lambda: 1, name="two")


async def plain_async(event: Any, context: AsyncDurableContext) -> Any:
    first = await context.step(lambda: 1, name="one")
    await context.wait(seconds=2)
    return first + await context.step(lambda: 1, name="two")


KINDS = pytest.mark.parametrize("body", [plain, plain_async], ids=["blocking", "async"])
PLACES = pytest.mark.parametrize("place", ["below", "above"])


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POWERTOOLS_SERVICE_NAME", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "us-east-1")


def durable(body: Any, decorate: Callable[[Any], Any], place: str = "below") -> Any:
    """A handler with a decorator of Powertools' below or above ours."""
    if place == "below":
        return durable_execution(decorate(body))
    return decorate(durable_execution(body))


def run(handler: Any, event: Any = None) -> DurableFunctionTestResult:
    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(input=ORDER if event is None else event, timeout=20)
    assert result.status == "SUCCEEDED", result.error
    return result


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]


# ---------------------------------------------------------------------------------------- Logger


@KINDS
@PLACES
def test_logger(body: Any, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = Logger(service=f"orders-{place}-{body.__name__}")

    def told(event: Any, context: DurableContext) -> Any:
        context.set_logger(logger)
        context.logger.info("order %s", event["id"])
        return plain(event, context)

    async def told_async(event: Any, context: AsyncDurableContext) -> Any:
        context.set_logger(logger)
        context.logger.info("order %s", event["id"])
        return await plain_async(event, context)

    handler = told if body is plain else told_async
    assert run(durable(handler, logger.inject_lambda_context(clear_state=True), place)).result == 2
    written = [line for line in lines(capsys) if line["message"] == "order 7"]
    assert len(written) == 1  # not again on replay
    assert written[0]["function_name"] == "test-function"
    assert written[0]["function_memory_size"] == "128"
    assert "/durable-execution/" in written[0]["executionArn"]


def test_a_logger_logs_the_event_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    logger = Logger(service="orders-event")
    run(durable(plain, logger.inject_lambda_context(log_event=True)))
    assert ORDER in [line["message"] for line in lines(capsys)]


# --------------------------------------------------------------------------------------- Metrics


@pytest.mark.parametrize(
    ("body", "place"), [(plain, "below"), (plain, "above"), (plain_async, "above")]
)
def test_metrics(body: Any, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics(namespace="shop", service="orders")

    def counting(event: Any, context: DurableContext) -> Any:
        result = plain(event, context)
        context.step(lambda: metrics.add_metric("orders", MetricUnit.Count, 1), name="count")
        return result

    async def counting_async(event: Any, context: AsyncDurableContext) -> Any:
        result = await plain_async(event, context)
        await context.step(lambda: metrics.add_metric("orders", MetricUnit.Count, 1), name="count")
        return result

    handler = counting if body is plain else counting_async
    decorate: Any = metrics.log_metrics(capture_cold_start_metric=True)
    with pytest.warns(UserWarning, match="No application metrics"):  # of the first invocation
        assert run(durable(handler, decorate, place)).result == 2
    counted = [line for line in lines(capsys) if "orders" in line]
    assert [line["orders"] for line in counted] == [[1.0]]
    metrics.clear_metrics()


# ---------------------------------------------------------------------------------------- Tracer


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """X-Ray's daemon: a socket. Gives the subsegments that it was sent."""
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon_socket:
        daemon_socket.bind(("127.0.0.1", 0))
        daemon_socket.setblocking(False)
        address = f"127.0.0.1:{daemon_socket.getsockname()[1]}"
        before = xray_recorder.context
        xray_recorder.configure(
            context=XRayContext(), daemon_address=address, sampling=False, streaming_threshold=0
        )

        def sent() -> list[dict[str, Any]]:
            found = []
            while True:
                try:
                    packet = daemon_socket.recv(65536)
                except BlockingIOError:
                    return found
                found.append(json.loads(packet.partition(b"\n")[2]))

        yield sent
        xray_recorder.configure(context=before)


@KINDS
@PLACES
def test_tracer(body: Any, place: str, daemon: Callable[[], list[dict[str, Any]]]) -> None:
    tracer = Tracer(service="orders", auto_patch=False, disabled=False)

    @tracer.capture_method
    def charge() -> int:
        return 1

    def traced(event: Any, context: DurableContext) -> Any:
        context.step(charge, name="charge")
        return plain(event, context)

    async def traced_async(event: Any, context: AsyncDurableContext) -> Any:
        await context.step(charge, name="charge")
        return await plain_async(event, context)

    handler = traced if body is plain else traced_async
    handler.__name__ = "orders_handler"
    assert run(durable(handler, tracer.capture_lambda_handler, place)).result == 2
    segments = daemon()
    names = [segment["name"] for segment in _all(segments)]
    assert sum("orders_handler" in name for name in names) == 2  # one an invocation
    assert sum("charge" in name for name in names) == 1  # replayed, a step is not run
    roots = {segment["trace_id"] for segment in segments}
    assert roots == {"1-5759e988-bd862e3fe1be46a994272793"}


def _all(segments: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for segment in segments:
        yield segment
        yield from _all(segment.get("subsegments", []))


# --------------------------------------------------------------------------- Parser and Validation


class Order(BaseModel):
    id: str
    amount: int


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_parser(kind: str) -> None:
    def parsed(event: Order, context: DurableContext) -> Any:
        assert isinstance(event, Order)
        return plain(event, context) + event.amount

    async def parsed_async(event: Order, context: AsyncDurableContext) -> Any:
        assert isinstance(event, Order)
        return await plain_async(event, context) + event.amount

    handler = parsed if kind == "blocking" else parsed_async
    decorate: Any = event_parser(model=Order)
    assert run(durable(handler, decorate)).result == 22
    with DurableFunctionTestRunner(durable(handler, decorate)) as runner:
        assert runner.run(input={"id": "7"}).status == "FAILED"


@KINDS
def test_validation(body: Any) -> None:
    schema = {"type": "object", "required": ["id"]}
    handler = durable(body, validator(inbound_schema=schema))
    assert run(handler).result == 2
    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(input={})
    assert "SchemaValidationError" in str(result.error)


# ----------------------------------------------------------------------------------- Idempotency


class Records(BasePersistenceLayer):
    """Keeps records in memory, by the protocol of Powertools' own layers."""

    def __init__(self) -> None:
        self.records: dict[str, DataRecord] = {}
        super().__init__()

    def _get_record(self, idempotency_key: str) -> DataRecord:
        if idempotency_key not in self.records:
            raise IdempotencyItemNotFoundError
        return self.records[idempotency_key]

    def _put_record(self, data_record: DataRecord) -> None:
        if data_record.idempotency_key in self.records:
            raise IdempotencyItemAlreadyExistsError(old_data_record=None)
        self.records[data_record.idempotency_key] = data_record

    def _update_record(self, data_record: DataRecord) -> None:
        self.records[data_record.idempotency_key] = data_record

    def _delete_record(self, data_record: DataRecord) -> None:
        self.records.pop(data_record.idempotency_key, None)


def test_idempotency_of_a_handler() -> None:
    """The record is in progress while the execution is suspended; a replay goes on with it."""
    records, calls = Records(), []

    def charging(event: Any, context: DurableContext) -> Any:
        context.step(lambda: calls.append(event["id"]), name="charge")
        return plain(event, context)

    config = IdempotencyConfig(event_key_jmespath="id")
    handler = durable(charging, idempotent(persistence_store=records, config=config))
    assert run(handler).result == 2
    assert [record.status for record in records.records.values()] == ["COMPLETED"]
    assert run(handler).result == 2  # the same event in another execution
    assert calls == ["7"]
    assert run(handler, {"id": "8"}).result == 2
    assert calls == ["7", "8"]


def test_idempotency_of_a_function_in_a_step_of_an_async_handler() -> None:
    records, calls, config = Records(), [], IdempotencyConfig()

    @idempotent_function(data_keyword_argument="order", persistence_store=records, config=config)
    def charge(order: dict[str, Any]) -> str:
        calls.append(order["id"])
        return f"txn-{order['id']}"

    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> Any:
        config.register_lambda_context(context.lambda_context)
        await plain_async(event, context)
        return await context.step(lambda: charge(order=event), name="charge")

    assert [run(handler).result, run(handler).result] == ["txn-7", "txn-7"]
    assert calls == ["7"]


# ----------------------------------------------------------------------------------------- Batch


def records_of(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m-{body}", "body": body, "eventSource": "aws:sqs", "attributes": {}}
            for body in bodies
        ]
    }


def handle_record(record: Any) -> None:
    if record.body == "bad":
        raise ValueError("bad record")


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_batch_in_a_step(kind: str) -> None:
    def processed(event: Any) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS)
        return process_partial_response(event, handle_record, processor)

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        context.wait(seconds=1)
        return context.step(lambda: processed(event), name="records")

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        await context.wait(seconds=1)
        return await context.step(lambda: processed(event), name="records")

    handler = blocking if kind == "blocking" else asynchronous
    result = run(handler, records_of("good", "bad")).result
    assert result == {"batchItemFailures": [{"itemIdentifier": "m-bad"}]}


def test_batch_whose_records_are_durable_operations() -> None:
    """The record handler is given the durable context as Lambda's."""

    def handle(record: Any, lambda_context: DurableContext) -> None:
        lambda_context.step(lambda: handle_record(record), name=f"record {record.body}")

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS)
        failures = process_partial_response(event, handle, processor, context)  # type: ignore[arg-type]
        context.wait(seconds=1)
        return failures

    result = run(handler, records_of("good", "bad", "fine"))
    assert result.result == {"batchItemFailures": [{"itemIdentifier": "m-bad"}]}
    assert [result.get_step(f"record {body}").status for body in ("good", "bad", "fine")] == [
        *("SUCCEEDED", "FAILED", "SUCCEEDED")
    ]


# --------------------------------------------------------------------------------- Event Handler


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_event_handler(kind: str) -> None:
    app = APIGatewayRestResolver()

    @app.get("/orders/<order_id>")
    def order(order_id: str) -> Any:
        context: Any = app.lambda_context
        return {"id": order_id, "steps": plain({}, context)}

    @app.get("/async/<order_id>")
    async def order_async(order_id: str) -> Any:
        context: Any = app.lambda_context
        return {"id": order_id, "steps": await plain_async({}, context)}

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return app.resolve(event, context)  # type: ignore[arg-type]

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return await app.resolve_async(event, context)  # type: ignore[arg-type]

    path = "/orders/7" if kind == "blocking" else "/async/7"
    event = {
        "httpMethod": "GET",
        "path": path,
        "headers": {},
        "requestContext": {"requestId": "r-1"},
        "queryStringParameters": None,
    }
    result = run(blocking if kind == "blocking" else asynchronous, event).result
    assert result["statusCode"] == 200
    assert json.loads(result["body"]) == {"id": "7", "steps": 2}


# ------------------------------------------------------------------------------------------- all


@KINDS
def test_lambdas_own_context_is_where_powertools_looks_for_it(body: Any) -> None:
    seen: list[Any] = []

    def look(handler: Any) -> Any:
        def wrapper(event: Any, context: Any) -> Any:
            own = context.lambda_context
            seen.append(
                [
                    own.function_name,
                    own.function_version,
                    own.memory_limit_in_mb,
                    own.invoked_function_arn.split(":")[2],
                    bool(own.aws_request_id),
                    own.get_remaining_time_in_millis() > 0,
                    len(context.state.operations),
                ]
            )
            return handler(event, context)

        wrapper.__annotations__ = {"context": body.__annotations__["context"]}
        return wrapper

    assert run(durable(body, look)).result == 2
    assert [entry[:6] for entry in seen] == [
        ["test-function", "$LATEST", "128", "lambda", True, True]
    ] * len(seen)
    assert seen[0][6] == 1  # the execution itself
    assert seen[-1][6] > 1
