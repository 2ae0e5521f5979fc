"""One execution out of a store that holds many.

A run from the command line resumes what it was asked for and leaves the rest of the store
alone: other executions may belong to other programs, whose handlers are not loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from aws_durable_execution_sdk_python_testing.engine import Engine
from aws_durable_execution_sdk_python_testing.stores.base import EventStore, Record


class SelectedExecution:
    """A view of a store with one execution and those it invoked. It takes new ones too.

    Args:
        store: the whole store.
        function_name, execution_name: what to select. There may be no such execution yet.

    Attributes:
        arn: the selected execution; None if there is none yet.
        events: how many events it has had so far.
        latest: time of the newest event of what is selected, epoch seconds; 0 without one.
    """

    def __init__(self, store: EventStore, function_name: str, execution_name: str) -> None:
        self._store = store
        engine = Engine(store)
        self.arn = _find(engine, function_name, execution_name)
        self._selected = set() if self.arn is None else set(_with_invoked(engine, self.arn))
        newest = {arn: _newest(engine, arn) for arn in self._selected}
        self.events = 0 if self.arn is None else int(newest[self.arn]["EventId"])
        self.latest = max((event["EventTimestamp"] for event in newest.values()), default=0.0)

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        self._store.append(records)

    def load(self) -> Iterator[tuple[str, Record]]:
        return ((arn, record) for arn, record in self._store.load() if arn in self._selected)

    def close(self) -> None:
        self._store.close()


def _find(engine: Engine, function_name: str, execution_name: str) -> str | None:
    marker = None
    while True:
        page = engine.list_executions(function_name, marker, 1000)
        for execution in page["DurableExecutions"]:
            if execution["DurableExecutionName"] == execution_name:
                return str(execution["DurableExecutionArn"])
        marker = page.get("NextMarker")
        if not marker:
            return None


def _with_invoked(engine: Engine, arn: str) -> Iterator[str]:
    yield arn
    marker = None
    while True:
        page = engine.get_history(arn, False, marker, 1000)
        for event in page["Events"]:
            details = event.get("ChainedInvokeStartedDetails") or {}
            if details.get("DurableExecutionArn"):
                yield from _with_invoked(engine, details["DurableExecutionArn"])
        marker = page.get("NextMarker")
        if not marker:
            return


def _newest(engine: Engine, arn: str) -> dict[str, Any]:
    (newest,) = engine.get_history(arn, False, None, 1, reverse_order=True)["Events"]
    return cast(dict[str, Any], newest)
