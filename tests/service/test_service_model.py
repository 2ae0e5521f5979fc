"""Durable operations for clients whose botocore lacks them, and for no others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import aioboto3
import boto3
import botocore.session
import pytest
from recording_service import ARN, Answer, RecordingService, failure

from aws_durable_execution_sdk_python._service.model import (
    durable_model,
    ensure_durable_operations,
)
from aws_durable_execution_sdk_python_testing._engine.api_model import INVOKE_SHAPES

CALLBACK_ID = "Y2FsbGJhY2s+Lw=="
CALLBACK_PATH = "/2025-12-01/durable-execution-callbacks/Y2FsbGJhY2s%2BLw%3D%3D"


@pytest.fixture
def old(
    write_model: Callable[[dict[str, Any]], None],
    model_without_durable_operations: dict[str, Any],
    make_boto3: Callable[..., Any],
) -> Any:
    """A client made by a botocore from before durable functions."""
    write_model(model_without_durable_operations)
    client = make_boto3()
    assert not hasattr(client, "checkpoint_durable_execution")
    return client


def test_returns_the_client(old: Any) -> None:
    """The very same client comes back, so the call can be wrapped around its creation."""
    assert ensure_durable_operations(old) is old


def test_operations_are_added(old: Any) -> None:
    """Every durable operation becomes a method, and botocore's mapping knows it."""
    ensure_durable_operations(old)
    mapping = old.meta.method_to_api_mapping
    for operation in durable_model()["operations"]:
        [method] = [name for name, target in mapping.items() if target == operation]
        assert callable(getattr(old, method))
        assert old.meta.service_model.operation_model(operation).input_shape


def test_adding_twice(old: Any) -> None:
    """The second time nothing changes."""
    model = ensure_durable_operations(old).meta.service_model
    assert ensure_durable_operations(old).meta.service_model is model


def test_adding_from_many_threads(old: Any) -> None:
    """Threads that race to extend one client all find it extended once."""
    barrier = threading.Barrier(8)
    models = []

    def extend() -> None:
        barrier.wait()
        models.append(ensure_durable_operations(old).meta.service_model)

    threads = [threading.Thread(target=extend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(model) for model in models}) == 1
    assert "CheckpointDurableExecution" in models[0].operation_names


@pytest.mark.usefixtures("old")
def test_other_clients_of_the_session() -> None:
    """Only the client that was given is extended."""
    session = boto3.Session()
    given, other = session.client("lambda"), session.client("lambda")
    ensure_durable_operations(given)
    assert hasattr(given, "checkpoint_durable_execution")
    assert not hasattr(other, "checkpoint_durable_execution")
    given.close()
    other.close()


def test_what_botocore_has_stays(
    service: RecordingService,
    write_model: Callable[[dict[str, Any]], None],
    model_without_durable_operations: dict[str, Any],
    make_boto3: Callable[..., Any],
) -> None:
    """An operation botocore defines is its own; only those it lacks are added."""
    theirs = model_without_durable_operations
    theirs["operations"]["StopDurableExecution"] = {
        "name": "StopDurableExecution",
        "http": {"method": "POST", "requestUri": "/theirs/{Arn}"},
        "input": {"shape": "StopDurableExecutionRequest"},
    }
    theirs["shapes"]["StopDurableExecutionRequest"] = {
        "type": "structure",
        "members": {"Arn": {"shape": "String", "location": "uri", "locationName": "Arn"}},
    }
    write_model(theirs)
    client = ensure_durable_operations(make_boto3())
    client.stop_durable_execution(Arn="x")
    client.get_durable_execution(DurableExecutionArn=ARN)
    assert service.requests[0].target == "/theirs/x"
    assert service.requests[1].target.startswith("/2025-12-01/durable-executions/")


def test_complete_model_is_not_touched(
    write_model: Callable[[dict[str, Any]], None],
    model_without_durable_operations: dict[str, Any],
    make_boto3: Callable[..., Any],
) -> None:
    """A client that knows every durable operation keeps its model object."""
    complete, ours = model_without_durable_operations, durable_model()
    complete["operations"].update(ours["operations"])
    complete["shapes"].update(ours["shapes"])
    write_model(complete)
    client = make_boto3()
    before = client.meta.service_model
    ensure_durable_operations(client)
    assert client.meta.service_model is before


def test_stand_in_is_left_alone() -> None:
    """An object that is no botocore client, such as a test's own, passes through."""

    class StandIn:
        def checkpoint_durable_execution(self, **request: Any) -> dict[str, Any]:
            return {}

    stand_in = StandIn()
    assert ensure_durable_operations(stand_in) is stand_in


def test_typed_errors(service: RecordingService, old: Any) -> None:
    """`client.exceptions` names the new errors and calls raise them."""
    ensure_durable_operations(old)
    service.answer(failure("CallbackTimeoutException", 400, "closed"))
    with pytest.raises(old.exceptions.CallbackTimeoutException) as caught:
        old.send_durable_execution_callback_heartbeat(CallbackId=CALLBACK_ID)
    assert caught.value.response["Error"]["Message"] == "closed"


def test_errors_known_before(service: RecordingService, old: Any) -> None:
    """An error class taken from the client earlier still catches."""
    not_found = old.exceptions.ResourceNotFoundException
    ensure_durable_operations(old)
    service.answer(failure("ResourceNotFoundException", 404))
    with pytest.raises(not_found):
        old.get_durable_execution(DurableExecutionArn=ARN)


def test_positional_arguments(old: Any) -> None:
    """As with every botocore method, parameters are keywords."""
    ensure_durable_operations(old)
    with pytest.raises(TypeError):
        old.get_durable_execution(ARN)


def test_callback_success(service: RecordingService, old: Any) -> None:
    """A callback's result is the raw body, its id percent-encoded in the path."""
    client = ensure_durable_operations(old)
    client.send_durable_execution_callback_success(CallbackId=CALLBACK_ID, Result=b'{"ok": true}')
    [request] = service.requests
    assert (request.method, request.target) == ("POST", f"{CALLBACK_PATH}/succeed")
    assert request.body == b'{"ok": true}'


def test_callback_failure(service: RecordingService, old: Any) -> None:
    """A callback's error object is the whole body."""
    client = ensure_durable_operations(old)
    error = {"ErrorType": "Refused", "ErrorMessage": "no", "StackTrace": ["a", "b"]}
    client.send_durable_execution_callback_failure(CallbackId=CALLBACK_ID, Error=error)
    assert service.requests[0].target == f"{CALLBACK_PATH}/fail"
    assert service.requests[0].json == error


def test_callback_heartbeat(service: RecordingService, old: Any) -> None:
    """A heartbeat has no body."""
    ensure_durable_operations(old).send_durable_execution_callback_heartbeat(CallbackId=CALLBACK_ID)
    assert service.requests[0].target == f"{CALLBACK_PATH}/heartbeat"
    assert service.requests[0].body == b""


def test_stop(service: RecordingService, old: Any) -> None:
    """Stopping sends the error object as the body and reads the time it took effect."""
    service.answer(Answer({"StopTimestamp": 1700000000.5}))
    answer = ensure_durable_operations(old).stop_durable_execution(
        DurableExecutionArn=ARN, Error={"ErrorMessage": "enough"}
    )
    assert service.requests[0].path.endswith("/stop")
    assert service.requests[0].json == {"ErrorMessage": "enough"}
    assert answer["StopTimestamp"].timestamp() == 1700000000.5


@pytest.mark.parametrize("operation", ["pause", "resume"])
def test_pause_and_resume(service: RecordingService, old: Any, operation: str) -> None:
    """Pausing and resuming carry a reason and a client token."""
    service.answer(Answer(status=202))
    client = ensure_durable_operations(old)
    getattr(client, f"{operation}_durable_execution")(DurableExecutionArn=ARN, Reason="audit")
    [request] = service.requests
    assert request.path.endswith(f"/{operation}")
    assert request.json["Reason"] == "audit"
    assert request.json["ClientToken"]


def test_delete(service: RecordingService, old: Any) -> None:
    """Deleting is a DELETE of the execution."""
    service.answer(Answer({"DeletionRequestTimestamp": 1700000000}, 202))
    answer = ensure_durable_operations(old).delete_durable_execution(DurableExecutionArn=ARN)
    assert service.requests[0].method == "DELETE"
    assert answer["DeletionRequestTimestamp"].timestamp() == 1700000000


def test_get(service: RecordingService, old: Any) -> None:
    """An execution is read with its data or without."""
    service.answer(
        Answer(
            {
                "DurableExecutionArn": ARN,
                "Status": "FAILED",
                "StartTimestamp": 1700000000,
                "Error": {"ErrorType": "ValueError", "StackTrace": ["line"]},
            }
        )
    )
    answer = ensure_durable_operations(old).get_durable_execution(
        DurableExecutionArn=ARN, IncludeExecutionData=False
    )
    assert service.requests[0].query == {"IncludeExecutionData": ["false"]}
    assert answer["Status"] == "FAILED"
    assert answer["Error"] == {"ErrorType": "ValueError", "StackTrace": ["line"]}
    assert answer["StartTimestamp"].timestamp() == 1700000000


def test_history(service: RecordingService, old: Any) -> None:
    """A history page lists events with their details."""
    event = {
        "EventType": "StepSucceeded",
        "EventId": 3,
        "EventTimestamp": 1700000000,
        "Id": "a1",
        "Name": "charge",
        "StepSucceededDetails": {
            "Result": {"Payload": "1", "Truncated": False},
            "RetryDetails": {"CurrentAttempt": 1},
        },
    }
    service.answer(Answer({"Events": [event], "NextMarker": "m"}))
    answer = ensure_durable_operations(old).get_durable_execution_history(
        DurableExecutionArn=ARN, ReverseOrder=True, MaxItems=5
    )
    assert service.requests[0].query == {"ReverseOrder": ["true"], "MaxItems": ["5"]}
    [parsed] = answer["Events"]
    assert parsed["EventTimestamp"].timestamp() == 1700000000
    assert {**parsed, "EventTimestamp": 1700000000} == event
    assert answer["NextMarker"] == "m"


def test_list(service: RecordingService, old: Any) -> None:
    """Executions of a function are listed with repeated status filters."""
    service.answer(Answer({"DurableExecutions": [{"DurableExecutionArn": ARN}]}))
    answer = ensure_durable_operations(old).list_durable_executions_by_function(
        FunctionName="orders", Statuses=["RUNNING", "FAILED"], StartedAfter="2026-01-02T03:04:05Z"
    )
    assert service.requests[0].path == "/2025-12-01/functions/orders/durable-executions"
    assert service.requests[0].query == {
        "Statuses": ["RUNNING", "FAILED"],
        "StartedAfter": ["2026-01-02T03:04:05Z"],
    }
    assert answer["DurableExecutions"] == [{"DurableExecutionArn": ARN}]


def test_invoke(service: RecordingService, old: Any) -> None:
    """Invoke takes an execution name and returns the execution's ARN, both as headers."""
    service.answer(Answer(b"42", headers={"X-Amz-Durable-Execution-Arn": ARN}))
    answer = ensure_durable_operations(old).invoke(
        FunctionName="orders", Payload=b"{}", DurableExecutionName="order-1"
    )
    assert service.requests[0].headers["x-amz-durable-execution-name"] == "order-1"
    assert service.requests[0].body == b"{}"
    assert answer["DurableExecutionArn"] == ARN
    assert answer["Payload"].read() == b"42"


def test_invoke_with_a_taken_name(service: RecordingService, old: Any) -> None:
    """A name used for another payload raises an error of its own class."""
    client = ensure_durable_operations(old)
    service.answer(failure("DurableExecutionAlreadyStartedException", 409))
    with pytest.raises(client.exceptions.DurableExecutionAlreadyStartedException):
        client.invoke(FunctionName="orders", Payload=b"{}", DurableExecutionName="order-1")


async def test_aioboto3_client(
    service: RecordingService,
    write_model: Callable[[dict[str, Any]], None],
    model_without_durable_operations: dict[str, Any],
) -> None:
    """An aioboto3 client gets the same operations, to be awaited."""
    write_model(model_without_durable_operations)
    service.answer(Answer({"Status": "RUNNING"}), failure("CallbackTimeoutException", 400))
    async with aioboto3.Session().client("lambda") as client:
        ensure_durable_operations(client)
        answer = await client.get_durable_execution(DurableExecutionArn=ARN)
        with pytest.raises(client.exceptions.CallbackTimeoutException):
            await client.send_durable_execution_callback_heartbeat(CallbackId=CALLBACK_ID)
    assert answer["Status"] == "RUNNING"


def test_the_rules_for_requests_are_botocores() -> None:
    """The local service refuses what they forbid, so they must be all there."""
    theirs = botocore.session.get_session().get_component("data_loader")
    model = theirs.load_service_model("lambda", "service-2")
    if missing := durable_model()["operations"].keys() - model["operations"].keys():
        pytest.skip(f"this botocore is older than {', '.join(sorted(missing))}")
    for name, operation in durable_model()["operations"].items():
        other = model["operations"][name]
        assert operation["http"] == other["http"]
        assert _rules(durable_model()["shapes"], operation["input"]["shape"]) == _rules(
            model["shapes"], other["input"]["shape"]
        )
    shapes = {**durable_model()["shapes"], **INVOKE_SHAPES}
    assert _rules(shapes, "InvocationRequest") == _rules(model["shapes"], "InvocationRequest")


def _rules(shapes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """All that a request's shape says about what may be in it, whatever its parts are called."""
    shape = shapes[name]
    told = {key: shape[key] for key in ("type", "max", "pattern", "sensitive") if key in shape}
    return {
        **told,
        "min": shape.get("min") or (0 if shape["type"] == "integer" and "min" in shape else None),
        "enum": sorted(shape.get("enum", ())),
        "required": sorted(shape.get("required", ())),
        "payload": shape.get("payload"),
        "element": "member" in shape and _rules(shapes, shape["member"]["shape"]),
        "members": {
            key: (
                member.get("location"),
                member.get("location") and member["locationName"],
                _rules(shapes, member["shape"]),
            )
            for key, member in shape.get("members", {}).items()
        },
    }
