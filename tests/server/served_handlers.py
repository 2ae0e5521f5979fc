"""Handlers the tests serve."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import hosted


@durable_execution
def echo(event: Any, context: DurableContext) -> Any:
    """Gives its event back by way of a step."""
    return context.step(lambda _: event, name="echo")


@durable_execution
def failing(event: Any, context: DurableContext) -> Any:
    raise ValueError("out of stock")


@durable_execution
def waiting(event: Any, context: DurableContext) -> Any:
    context.wait(seconds=3600, name="an hour")
    return "rested"


@durable_execution
def approval(event: Any, context: DurableContext) -> Any:
    return context.wait_for_callback(lambda callback_id, _: None, name="approve")


@durable_execution
def watched(event: Any, context: DurableContext) -> Any:
    config = WaitForCallbackConfig(
        timeout=Duration.from_seconds(3600), heartbeat_timeout=Duration.from_seconds(1800)
    )
    return context.wait_for_callback(lambda callback_id, _: None, name="approve", config=config)


@durable_execution
def many_steps(event: Any, context: DurableContext) -> int:
    for number in range(event):
        context.step(lambda _: None, name=f"step-{number}")
    return int(event)


@durable_execution
def parent(event: Any, context: DurableContext) -> Any:
    return [
        context.invoke("echo", event, name="durable"),
        context.invoke("double", event, name="plain"),
    ]


def double(event: Any, context: Any) -> Any:
    return event * 2


def introduced(event: Any, context: Any) -> Any:
    """Gives back what its caller says of itself."""
    caller = context.client_context
    return caller and {"custom": caller.custom, "title": caller.client.app_title}


@durable_execution
def remembering(event: Any, context: DurableContext) -> Any:
    """What its caller says of itself, as an invocation knows that the caller did not make."""
    context.wait(seconds=3600)
    caller = context.lambda_context.client_context
    return caller and caller.custom


def broken(event: Any, context: Any) -> Any:
    raise KeyError("sku")


ECHO = hosted("echo", echo)
FAILING = hosted("failing", failing)
WAITING = hosted("waiting", waiting)
APPROVAL = hosted("approval", approval)
WATCHED = hosted("watched", watched)
MANY_STEPS = hosted("many_steps", many_steps)
PARENT = hosted("parent", parent)
DOUBLE = hosted("double", double)
BROKEN = hosted("broken", broken)
INTRODUCED = hosted("introduced", introduced)
REMEMBERING = hosted("remembering", remembering)
