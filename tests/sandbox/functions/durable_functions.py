"""Durable functions that run in sandboxes, with the SDK's own client."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)


def note(path: str, what: str) -> int:
    """Write a line to a file that outlives the process; returns how many of its kind there are."""
    with open(path, "a") as file:
        print(what, file=file)
    return Path(path).read_text().split().count(what)


@durable_execution
def blocking(event: dict[str, Any], context: DurableContext) -> list[int]:
    first = context.step(lambda _: os.getpid(), name="before")
    context.wait(seconds=1, name="pause")
    return [first, os.getpid()]


@durable_execution
async def asynchronous(event: dict[str, Any], context: AsyncDurableContext) -> str:
    async def greet(_: Any) -> str:
        return f"hello {event['name']}"

    return await context.step(greet, name="greet")


@durable_execution
def dies_once(event: dict[str, str], context: DurableContext) -> list[Any]:
    """Its second step kills the process, the first time."""

    def count(_: Any) -> int:
        return note(event["notes"], "counted")

    def die(_: Any) -> int:
        times = note(event["notes"], "tried")
        if times == 1:
            print("dying now")
            os.kill(os.getpid(), signal.SIGKILL)
        return times

    return [context.step(count, name="count"), context.step(die, name="die"), os.getpid()]


@durable_execution
def hangs_once(event: dict[str, str], context: DurableContext) -> int:
    """Its step takes too long, the first time."""

    def work(_: Any) -> int:
        times = note(event["notes"], "tried")
        if times == 1:
            signal.pause()
        return times

    return context.step(work, name="work")


@durable_execution
def calls_plain(event: dict[str, Any], context: DurableContext) -> Any:
    return context.invoke("echo", event, name="call")


@durable_execution
def large(event: dict[str, Any], context: DurableContext) -> int:
    """State that does not fit into one invocation's event."""
    texts = [context.step(lambda _: "x" * event["size"], name=f"s{i}") for i in range(24)]
    context.wait(seconds=1, name="pause")
    return sum(map(len, texts))
