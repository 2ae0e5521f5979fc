"""Operations as tests look at them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import aws_durable_execution_sdk_python_testing as testing
from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.serdes import JsonSerDes
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionsTestError,
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
    InvocationStatus,
    OperationStatus,
    OperationType,
    deserialize_operation_payload,
)
from aws_durable_execution_sdk_python_testing._results.result import (
    CallbackOperation,
    ContextOperation,
    StepOperation,
    WaitOperation,
)
from aws_durable_execution_sdk_python_testing.model import OperationSubType


@durable_execution
def workflow(event: Any, context: DurableContext) -> Any:
    """One of each operation, a context with two levels, and a failed step."""

    def inner(child: DurableContext) -> str:
        child.step(lambda _: Decimal("1.50"), name="price")
        return child.run_in_child_context(
            lambda deeper: deeper.step(lambda _: "deep", name="deepest"), name="deeper"
        )

    def fail(_: object) -> None:
        raise KeyError("missing")

    context.step(lambda _: {"a": (1, 2)}, name="first")
    context.wait(seconds=90, name="pause")
    context.run_in_child_context(inner, name="block")
    context.create_callback(name="approval").result()
    context.map([1, 2], lambda c, item, index, items: item * 10, name="tens")
    context.invoke("plain", {}, name="call")
    try:
        context.step(fail, name="failing")
    except KeyError:
        context.step(lambda _: None, name="first")
    return "done"


@pytest.fixture(scope="module")
def result() -> DurableFunctionTestResult:
    with DurableFunctionTestRunner(workflow) as runner:
        runner.register_function("plain", lambda event, context: {"n": 1})
        return runner.run(input={"x": 1}, callbacks={"approval": {"ok": True}})


def test_statuses_are_one_string_enumeration(result: DurableFunctionTestResult) -> None:
    assert result.status is InvocationStatus.SUCCEEDED
    step = result.get_step("first")
    assert step.status is OperationStatus.SUCCEEDED
    assert step.status is InvocationStatus.SUCCEEDED
    assert step.status == "SUCCEEDED"
    assert step.operation_type is OperationType.STEP
    assert step.operation_type == "STEP"


def test_a_step_shows_its_decoded_result_and_attempts(result: DurableFunctionTestResult) -> None:
    step = result.get_step("first")
    assert isinstance(step, StepOperation)
    assert step.result == {"a": (1, 2)}
    assert step.attempt == 1
    assert step.sub_type == "Step"
    assert step.parent_id is None
    assert step.error is None


def test_a_failed_step_shows_the_original_error(result: DurableFunctionTestResult) -> None:
    step = result.get_step("failing")
    assert step.status is OperationStatus.FAILED
    assert step.result is None
    assert "KeyError" in str(step.error)


def test_a_wait_shows_when_it_was_to_end(result: DurableFunctionTestResult) -> None:
    wait = result.get_wait("pause")
    assert isinstance(wait, WaitOperation)
    assert isinstance(wait.start_timestamp, datetime)
    assert wait.scheduled_end_timestamp == wait.start_timestamp + timedelta(seconds=90)
    assert wait.end_timestamp == wait.scheduled_end_timestamp


def test_a_context_holds_its_operations_and_has_the_accessors(
    result: DurableFunctionTestResult,
) -> None:
    block = result.get_context("block")
    assert isinstance(block, ContextOperation)
    assert block.result == "deep"
    assert [o.name for o in block.child_operations] == ["price", "deeper"]
    assert block.get_step("price").result == Decimal("1.50")
    assert block.get_step("price").parent_id == block.operation_id
    assert block.get_context("deeper").get_step("deepest").result == "deep"
    assert [o.name for o in block.get_all_operations()] == ["price", "deeper", "deepest"]


def test_branches_of_a_map_are_contexts(result: DurableFunctionTestResult) -> None:
    tens = result.get_context("tens")
    assert tens.sub_type == "Map"
    assert [o.name for o in tens.child_operations] == ["map-item-0", "map-item-1"]
    assert tens.get_context("map-item-1").result == 20


def test_callbacks_and_invokes_show_decoded_results(result: DurableFunctionTestResult) -> None:
    callback = result.get_callback("approval")
    assert isinstance(callback, CallbackOperation)
    assert callback.callback_id
    assert callback.result == {"ok": True}
    assert result.get_invoke("call").result == {"n": 1}
    assert result.get_invoke("call").operation_type == "CHAINED_INVOKE"


def test_operations_are_the_top_level_in_order_without_the_execution(
    result: DurableFunctionTestResult,
) -> None:
    assert [o.name for o in result.operations] == [
        *("first", "pause", "block", "approval", "tens", "call", "failing", "first")
    ]


def test_all_operations_come_in_the_order_they_were_created(
    result: DurableFunctionTestResult,
) -> None:
    names = [o.name for o in result.get_all_operations()]
    assert names[:6] == ["first", "pause", "block", "price", "deeper", "deepest"]
    assert names[-1] == "first"
    assert len(names) == 13


def test_the_execution_shows_its_input(result: DurableFunctionTestResult) -> None:
    assert result.execution is not None
    assert result.execution.name is not None
    execution = result.get_execution(result.execution.name)
    assert execution.input_payload == '{"x": 1}'
    assert execution.status == "SUCCEEDED"


def test_the_first_of_equal_names_is_found(result: DurableFunctionTestResult) -> None:
    assert result.get_operation_by_name("first") is result.operations[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no step named 'nowhere' on this level"),
        ("pause", "the operation named 'pause' is a WAIT, not a step"),
        ("price", "no step named 'price' .* one is inside another operation"),
    ],
)
def test_a_step_that_is_not_there_is_explained(
    result: DurableFunctionTestResult, name: str, message: str
) -> None:
    with pytest.raises(DurableFunctionsTestError, match=message):
        result.get_step(name)


def test_results_do_not_change(result: DurableFunctionTestResult) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.get_step("first").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ("8", 8),
        ('{"t":"d","v":"1.5"}', Decimal("1.5")),
        ('{"plain":1}', {"plain": 1}),
        ("not json", "not json"),
        (None, None),
        ([1], [1]),
    ],
)
def test_a_payload_is_decoded_whichever_form_it_has(payload: Any, value: Any) -> None:
    assert deserialize_operation_payload(payload) == value


def test_a_payload_is_decoded_with_the_serdes_given() -> None:
    tagged = '{"t":"d","v":"1.5"}'
    assert deserialize_operation_payload(tagged, JsonSerDes()) == {"t": "d", "v": "1.5"}


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(testing, name) is not None
    assert name in dir(testing)


def test_a_name_that_is_not_public_is_missing() -> None:
    with pytest.raises(AttributeError, match="no attribute 'WebRunnerX'"):
        _ = testing.WebRunnerX


def test_importing_the_plugin_imports_neither_sdk_nor_aws_libraries() -> None:
    code = (
        "import sys, aws_durable_execution_sdk_python_testing.pytest_plugin as p;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('boto3', 'botocore', 'aioboto3', 'aiohttp', 'rich', 'click', 'anyio')"
        " or m == 'aws_durable_execution_sdk_python'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@durable_execution
def changed(event: Any, context: DurableContext) -> list[bool]:
    def block(child: DurableContext) -> bool:
        return child.patched("inner")

    return [
        context.patched("check"),
        context.step(lambda _: True, name="check"),
        context.run_in_child_context(block, name="block"),
    ]


def test_the_marker_of_a_patch_is_an_operation_of_its_own_kind() -> None:
    with DurableFunctionTestRunner(changed) as runner:
        result = runner.run()
    assert result.result == [True, True, True]
    marker = result.get_patch("check")
    assert (marker.operation_type, marker.sub_type) == ("STEP", OperationSubType.PATCH)
    assert result.get_step("check").sub_type is OperationSubType.STEP
    assert result.get_context("block").get_patch("inner").status is OperationStatus.SUCCEEDED
    with pytest.raises(DurableFunctionsTestError, match="no patch named 'inner'"):
        result.get_patch("inner")
