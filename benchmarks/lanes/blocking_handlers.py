"""The workloads as blocking code. This project's SDK and the official one run the same source."""

import time
from typing import Any

import probe

from aws_durable_execution_sdk_python import DurableContext, durable_execution

SLEEP_SECONDS = 0.05


def work(value: Any) -> Any:
    probe.note()
    return value


def sleep(value: Any) -> Any:
    probe.note()
    time.sleep(SLEEP_SECONDS)
    return value


@durable_execution
def empty(event: dict[str, Any], context: DurableContext) -> int:
    return 1


@durable_execution
def steps(event: dict[str, Any], context: DurableContext) -> int:
    total = 0
    for _ in range(event["count"]):
        total += context.step(lambda _: work(1), name="work")
    return total


@durable_execution
def fan_out(event: dict[str, Any], context: DurableContext) -> int:
    def branch(child: DurableContext, item: int, index: int, items: Any) -> int:
        return child.step(lambda _: work(item), name="work")

    return sum(context.map([1] * event["count"], branch, name="fan-out").get_results())


@durable_execution
def fan_out_sleeping(event: dict[str, Any], context: DurableContext) -> int:
    def branch(child: DurableContext, item: int, index: int, items: Any) -> int:
        return child.step(lambda _: sleep(item), name="work")

    return sum(context.map([1] * event["count"], branch, name="fan-out").get_results())


@durable_execution
def branches(event: dict[str, Any], context: DurableContext) -> int:
    def branch(child: DurableContext, item: int, index: int, items: Any) -> int:
        total = 0
        for _ in range(event["steps"]):
            total += child.step(lambda _: work(item), name="work")
        return total

    return sum(context.map([1] * event["count"], branch, name="branches").get_results())


@durable_execution
def large_items(event: dict[str, Any], context: DurableContext) -> int:
    text = "x" * event["characters"]

    def branch(child: DurableContext, item: int, index: int, items: Any) -> str:
        probe.note()
        return text

    results = context.map([1] * event["count"], branch, name="large").get_results()
    return sum(len(result) for result in results)


HANDLERS = {
    "empty": empty,
    "steps": steps,
    "fan_out": fan_out,
    "fan_out_sleeping": fan_out_sleeping,
    "branches": branches,
    "large_items": large_items,
}
