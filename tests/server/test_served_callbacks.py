"""Callbacks of a service that skips time: somebody is about to answer them, so theirs is real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from served_handlers import WAITING, WATCHED
from serving_bench import Served

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted
from aws_durable_execution_sdk_python_testing.stores import InMemoryExecutionStore

Serve = Callable[..., Served]
EVENT = {"X-Amz-Invocation-Type": "Event"}


def start(served: Served, function: str) -> str:
    reply = served.send("POST", f"/2015-03-31/functions/{function}/invocations", 1, EVENT)
    return reply.headers["x-amz-durable-execution-arn"]


@durable_execution
def asks_another(event: Any, context: DurableContext) -> Any:
    return context.invoke("watched", None, name="ask")


ASKS = hosted("asks", asks_another)


def test_time_is_skipped_and_the_callback_stays_open(serve: Serve) -> None:
    served = serve(WATCHED, WAITING, skip_time=True)
    arn = start(served, "watched")
    callback = served.service.wait_for_callback(arn, "approve", 30)
    # An hour is skipped meanwhile, by an execution that waits so long.
    served.service.wait_until_ended(start(served, "waiting"), 30)
    assert served.service.execution(arn)["Status"] == "RUNNING"
    path = f"/2025-12-01/durable-execution-callbacks/{callback}/succeed"
    assert served.send("POST", path, "yes").status == 200
    served.service.wait_until_ended(arn, 30)
    assert served.service.execution(arn)["Result"] == '"yes"'


@durable_execution
def waits_longer(event: Any, context: DurableContext) -> Any:
    """Waits for a callback for a second, and for an hour besides."""
    config = CallbackConfig(timeout=Duration.from_seconds(1))
    callback = context.create_callback("soon", config)
    context.wait(seconds=3600, name="an hour")
    return callback.result()


def test_what_comes_after_a_time_out_of_its_execution_is_not_skipped_to_before(
    serve: Serve,
) -> None:
    """The hour is skipped once the second has passed."""
    served = serve(hosted("longer", waits_longer), skip_time=True)
    arn = start(served, "longer")
    served.service.wait_until_ended(arn, 30)
    kinds = [event["EventType"] for event in served.service.history(arn)]
    assert kinds.index("CallbackTimedOut") < kinds.index("WaitSucceeded")


def child_of(served: Served) -> str:
    """The execution that `asks` started, once its callback is open."""
    start(served, "asks")
    while True:
        found = served.service.list_executions("watched")["DurableExecutions"]
        if found:
            return str(found[0]["DurableExecutionArn"])


@pytest.mark.parametrize("started", [lambda served: start(served, "watched"), child_of])
def test_also_after_a_restart_and_for_child_executions(
    serve: Serve, started: Callable[[Served], str]
) -> None:
    store = InMemoryExecutionStore()
    first = serve(WATCHED, WAITING, ASKS, store=store, skip_time=True)
    arn = started(first)
    first.service.wait_for_callback(arn, "approve", 30)
    first.server.stop()
    second = serve(WATCHED, WAITING, ASKS, store=store, skip_time=True)
    second.service.wait_until_ended(start(second, "waiting"), 30)
    assert second.service.execution(arn)["Status"] == "RUNNING"
