"""What one run from the command line sees of a store that many use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_durable_execution_sdk_python_testing._cli.selected_execution import SelectedExecution
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Engine,
    Returned,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing.stores.base import Record
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

DONE = Returned({"Status": "SUCCEEDED"})


class CountingStore(InMemoryExecutionStore):
    """Counts how often it is read."""

    loads = 0

    def load(self) -> Iterator[tuple[str, Record]]:
        self.loads += 1
        return super().load()


class KeepingStore(InMemoryExecutionStore):
    """Does not drop what it may drop."""

    def __init__(self) -> None:
        super().__init__()
        self._log: list[tuple[str, Record]] = []

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        self._log += records

    def load(self) -> Iterator[tuple[str, Record]]:
        return iter(self._log)


def start(engine: Engine, function: str, name: str, now: float = 0.0) -> str:
    request = StartExecution(function_name=function, execution_name=name, input="{}")
    return engine.start_execution(request, now).arn


def invoke_child(engine: Engine, arn: str, now: float) -> str:
    """Let an execution invoke the durable function `child`; returns the child's ARN."""
    invocation = engine.begin_invocation(arn, now)
    update = {
        "Id": "a",
        "Type": "CHAINED_INVOKE",
        "Action": "START",
        "ChainedInvokeOptions": {"FunctionName": "child"},
    }
    token = invocation.event["CheckpointToken"]
    engine.checkpoint(arn, {"CheckpointToken": token, "Updates": [update]}, now)
    history = engine.get_history(arn)["Events"]
    return str(history[-1]["ChainedInvokeStartedDetails"]["DurableExecutionArn"])


def arns(store: SelectedExecution) -> set[str]:
    return {arn for arn, _ in store.load()}


def test_an_execution_and_those_it_invoked_are_selected_and_the_store_is_read_once() -> None:
    store = CountingStore()
    engine = Engine(store)
    engine.register_target("child", DurableTarget())
    start(engine, "order", "other", 1.0)
    start(engine, "mail", "mine", 1.0)
    mine = start(engine, "order", "mine", 2.0)
    child = invoke_child(engine, mine, 3.0)
    grandchild = invoke_child(engine, child, 4.0)
    start(engine, "order", "later", 9.0)
    store.loads = 0
    selected = SelectedExecution(store, "order", "mine")
    assert Engine(selected).get_execution(mine)["Status"] == "RUNNING"
    assert selected.arn == mine
    assert arns(selected) == {mine, child, grandchild}
    assert (selected.events, selected.latest) == (2, 4.0)
    assert store.loads == 1


def test_there_may_be_no_such_execution_yet() -> None:
    store = InMemoryExecutionStore()
    start(Engine(store), "order", "other", 5.0)
    selected = SelectedExecution(store, "order", "mine")
    assert (selected.arn, arns(selected), selected.events, selected.latest) == (None, set(), 0, 0.0)


def test_the_newest_execution_of_the_name_is_selected_once_an_earlier_one_is_gone() -> None:
    store = InMemoryExecutionStore()
    engine = Engine(store)
    first = start(engine, "order", "mine", 1.0)
    invocation = engine.begin_invocation(first, 1.0)
    engine.end_invocation(first, invocation.request_id, DONE, 1.0)
    engine.delete_execution(first, 2.0)
    second = start(engine, "order", "mine", 3.0)
    selected = SelectedExecution(store, "order", "mine")
    assert (selected.arn, arns(selected)) == (second, {second})


def test_an_execution_that_is_gone_is_not_selected_though_the_store_still_has_it() -> None:
    store = KeepingStore()
    engine = Engine(store)
    arn = start(engine, "order", "mine")
    engine.stop_execution(arn, None, 1.0)
    engine.delete_execution(arn, 1.0)
    selected = SelectedExecution(store, "order", "mine")
    assert selected.arn is None
    assert Engine(selected).list_executions("order")["DurableExecutions"] == []
