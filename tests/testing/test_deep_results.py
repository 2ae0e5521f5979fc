"""Executions nested as deep as the SDK allows are run, read and shown without recursion."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner
from aws_durable_execution_sdk_python_testing._cli.option_values import print_json
from aws_durable_execution_sdk_python_testing._exploration.judging import difference, labels
from aws_durable_execution_sdk_python_testing._results.operations import operation_to_dict
from aws_durable_execution_sdk_python_testing._results.tree import result_tree

DEPTH = 300


def blocking(how: str) -> Any:
    @durable_execution
    def handler(event: Any, c: DurableContext) -> Any:
        def nested(context: DurableContext, level: int) -> Any:
            def inside(child: DurableContext) -> Any:
                return nested(child, level - 1)

            if not level:
                context.wait(seconds=1, name="wait")
                return context.step(lambda _: "bottom", name="bottom")
            if how == "child":
                return context.run_in_child_context(inside, name="level")
            return context.parallel([inside], "level")[0]

        return nested(c, DEPTH)

    return handler


def asynchronous(how: str) -> Any:
    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> Any:
        async def nested(context: AsyncDurableContext, level: int) -> Any:
            async def inside(child: AsyncDurableContext) -> Any:
                return await nested(child, level - 1)

            if not level:
                await context.wait(seconds=1, name="wait")
                return await context.step(lambda _: "bottom", name="bottom")
            if how == "child":
                return await context.run_in_child_context(inside, name="level")
            return (await context.parallel([inside], "level"))[0]

        return await nested(c, DEPTH)

    return handler


def run(handler: Any) -> DurableFunctionTestResult:
    with Runner(handler) as runner:
        return runner.run(timeout=120)


@pytest.mark.parametrize("how", ["child", "parallel"])
@pytest.mark.parametrize("make", [blocking, asynchronous])
def test_300_contexts_run_and_are_replayed(make: Any, how: str) -> None:
    result = run(make(how))
    assert (result.status, result.result) == ("SUCCEEDED", "bottom")
    assert len(result.invocations) == 2
    assert result.get_all_operations()[-1].name == "bottom"


def test_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(asynchronous("parallel"))
    for width in (80, 100_000):
        output = io.StringIO()
        Console(file=output, width=width).print(result_tree(result))
        assert output.getvalue().count("level") == DEPTH
        assert "bottom" in output.getvalue()
    assert f"{2 * DEPTH + 1} deep" in output.getvalue()
    print_json([operation_to_dict(operation) for operation in result.operations])
    printed = capsys.readouterr().out
    assert printed.count('"child_operations"') == 2 * DEPTH
    assert printed.count('"bottom"') == 1


def test_they_are_compared_and_named() -> None:
    result = run(asynchronous("child"))
    assert difference(result, result, None) is None
    assert max(labels(result.operations).values(), key=len).count(" > ") == DEPTH


@pytest.mark.parametrize(
    "value", [{}, [], [{}], {"a": [1, "\u00e9", None, True, {"b": []}]}, "text", 1.5]
)
def test_json_is_printed_as_python_does(value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    print_json(value)
    assert capsys.readouterr().out == json.dumps(value, indent=2, ensure_ascii=False) + "\n"
