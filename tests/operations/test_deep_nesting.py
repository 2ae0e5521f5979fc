"""Contexts enclose one another up to a limit that is told, before Python's own is met."""

from __future__ import annotations

from typing import Any

import pytest
from answers import succeeded
from fake_service import FakeService
from flavours import Flavour

from aws_durable_execution_sdk_python._core.limits import MAX_NESTED_CONTEXTS


def nested(flavour: Flavour, depth: int, how: str) -> Any:
    """A handler with a step below so many contexts."""

    def level(below: int) -> Any:
        async def function(ctx: Any) -> Any:
            if not below:
                return await ctx.step(lambda: "reached")
            inner = flavour.function(level(below - 1))
            if how == "child":
                return await ctx.run_in_child_context(inner, name="level")
            return (await ctx.parallel([inner]))[0]

        return function

    async def handler(event: Any, ctx: Any) -> Any:
        return await level(depth)(ctx)

    return flavour.durable(handler)


@pytest.mark.parametrize(("how", "contexts"), [("child", 1), ("parallel", 2)])
def test_contexts_may_be_nested_that_deep(flavour: Flavour, how: str, contexts: int) -> None:
    handler = nested(flavour, MAX_NESTED_CONTEXTS // contexts, how)
    service = FakeService()
    assert service.invoke(handler) == succeeded("reached")
    assert service.invoke(handler) == succeeded("reached")


@pytest.mark.parametrize("how", ["child", "parallel"])
@pytest.mark.parametrize("depth", [MAX_NESTED_CONTEXTS + 1, 2 * MAX_NESTED_CONTEXTS])
def test_deeper_ones_are_refused_with_the_number(flavour: Flavour, how: str, depth: int) -> None:
    service = FakeService()
    answer = service.invoke(nested(flavour, depth, how))
    assert answer["Status"] == "FAILED"
    error = answer["Error"]
    assert error["ErrorType"].endswith("ValidationError")
    assert f"nested {MAX_NESTED_CONTEXTS} deep" in error["ErrorMessage"]
    assert "STEP" not in {update["Type"] for update in service.updates}
