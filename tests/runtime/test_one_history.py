"""Concurrent code leaves the same history each time, whichever thread came first."""

from __future__ import annotations

from typing import Any

from tuned import tuned

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner


def test_five_staggered_waits_in_threads_leave_one_history() -> None:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        def one(child: DurableContext, seconds: int, i: int, all_: Any) -> int:
            child.wait(seconds=seconds)
            return child.step(lambda: seconds, name=f"after-{seconds}")

        return list(context.map([5, 1, 4, 2, 3], one))

    def history() -> list[tuple[str, str | None]]:
        # However loaded the machine that runs this test, the threads are back in time.
        patient = tuned(handler, catch_up_seconds=10.0, gather_seconds=10.0, lazy_seconds=1000.0)
        with Runner(handler=patient) as runner:
            arn = runner.run_async(input=None, execution_name="one")
            runner.wait_for_result(arn)
            events = runner.get_execution_history(arn).events
        return [(event.event_type, event.name) for event in events]

    assert len({tuple(history()) for _ in range(10)}) == 1
