"""Random programs whose time runs out again and again: the same result, each body once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

Node = tuple[str, Any]

# ("step", seconds), ("wait", seconds), ("child", nodes), ("map", [nodes, ...])
NODES = st.recursive(
    st.lists(
        st.tuples(st.just("step"), st.integers(0, 80))
        | st.tuples(st.just("wait"), st.integers(1, 500)),
        max_size=4,
    ),
    lambda inner: st.lists(
        st.tuples(st.just("step"), st.integers(0, 80))
        | st.tuples(st.just("child"), inner)
        | st.tuples(st.just("map"), st.lists(inner, max_size=3)),
        max_size=4,
    ),
    max_leaves=8,
)


class Run:
    """A program, the time Lambda leaves it, and what its bodies did."""

    def __init__(self) -> None:
        self.left = 100.0
        self.bodies: Counter[str] = Counter()
        self._lock = threading.Lock()

    def get_remaining_time_in_millis(self) -> int:
        return max(1, int(self.left * 1000))

    def body(self, place: str, seconds: float) -> Callable[[Any], str]:
        def body(step_context: Any) -> str:
            with self._lock:
                self.bodies[place] += 1
                self.left -= seconds
            return place

        return body

    def blocking(self, ctx: DurableContext, nodes: list[Node], place: str) -> list[Any]:
        results: list[Any] = []
        for number, (kind, what) in enumerate(nodes):
            here = f"{place}.{number}"
            if kind == "step":
                results.append(ctx.step(self.body(here, what)))
            elif kind == "wait":
                ctx.wait(seconds=what)
            elif kind == "child":
                results.append(
                    ctx.run_in_child_context(
                        lambda c, what=what, here=here: self.blocking(c, what, here)
                    )
                )
            else:
                batch = ctx.map(
                    what, lambda c, item, i, items, here=here: self.blocking(c, item, f"{here}.{i}")
                )
                results.append(list(batch))
        return results

    async def asynchronous(
        self, ctx: AsyncDurableContext, nodes: list[Node], place: str
    ) -> list[Any]:
        results: list[Any] = []
        for number, (kind, what) in enumerate(nodes):
            here = f"{place}.{number}"

            async def child(c: AsyncDurableContext, what: Any = what, here: str = here) -> Any:
                return await self.asynchronous(c, what, here)

            async def item(
                c: AsyncDurableContext, nodes: Any, i: int, items: Any, here: str = here
            ) -> Any:
                return await self.asynchronous(c, nodes, f"{here}.{i}")

            if kind == "step":
                results.append(await ctx.step(self.body(here, what)))
            elif kind == "wait":
                await ctx.wait(seconds=what)
            elif kind == "child":
                results.append(await ctx.run_in_child_context(child))
            else:
                results.append(list(await ctx.map(what, item)))
        return results


def expected(nodes: list[Node], place: str = "root") -> list[Any]:
    results: list[Any] = []
    for number, (kind, what) in enumerate(nodes):
        here = f"{place}.{number}"
        if kind == "step":
            results.append(here)
        elif kind == "child":
            results.append(expected(what, here))
        elif kind == "map":
            results.append([expected(item, f"{here}.{i}") for i, item in enumerate(what)])
    return results


def places(results: list[Any]) -> list[str]:
    found: list[str] = []
    for each in results:
        found += places(each) if isinstance(each, list) else [each]
    return found


@pytest.mark.parametrize("kind", ["blocking", "async"])
@settings(deadline=None, max_examples=60)
@given(nodes=NODES)
def test_a_program_is_the_same_however_often_its_time_runs_out(
    kind: str, nodes: list[Node]
) -> None:
    run = Run()

    @durable_execution
    def blocking(event: Any, context: DurableContext) -> Any:
        return run.blocking(context, nodes, "root")

    @durable_execution
    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return await run.asynchronous(context, nodes, "root")

    durable = blocking if kind == "blocking" else asynchronous

    def handler(event: Any, context: Any) -> Any:
        run.left = 100.0
        return durable(event, run)

    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run()
    assert result.status == "SUCCEEDED", result.error
    assert result.result == expected(nodes)
    assert run.bodies == Counter(places(expected(nodes)))
