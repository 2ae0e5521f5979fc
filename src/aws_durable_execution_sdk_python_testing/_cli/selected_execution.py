"""One execution out of a store that holds many.

A run from the command line resumes what it was asked for and leaves the rest of the store
alone: other executions may belong to other programs, whose handlers are not loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_durable_execution_sdk_python_testing.stores.base import PURGED, EventStore, Record


class SelectedExecution:
    """A view of a store with one execution and those it invoked. It takes new ones too.

    The store is read once, and only what is selected is kept.

    Parameters:
        store: the whole store.
        function_name, execution_name: what to select. There may be no such execution yet.

    Attributes:
        arn: the selected execution; None if there is none yet.
        events: how many events it has had so far.
        latest: time of the newest event of what is selected, epoch seconds; 0 without one.
    """

    def __init__(self, store: EventStore, function_name: str, execution_name: str) -> None:
        self._store = store
        self._name = function_name, execution_name
        self._records: list[tuple[str, Record]] = []
        self._selected: set[str] = set()
        self.arn: str | None = None
        for arn, record in store.load():
            self._consider(arn, record)
        events = [(arn, event) for arn, record in self._records for event in _events(record)]
        self.events = sum(arn == self.arn for arn, _ in events)
        self.latest = max((event["EventTimestamp"] for _, event in events), default=0.0)

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        self._store.append(records)

    def load(self) -> Iterator[tuple[str, Record]]:
        return iter(self._records)

    def close(self) -> None:
        self._store.close()

    def _consider(self, arn: str, record: Record) -> None:
        facts = record.get("Facts") or {}
        if (facts.get("function_name"), facts.get("name")) == self._name:
            # An earlier one of the name has outlived its retention, or was deleted.
            self._records.clear()
            self._selected = {arn}
            self.arn = arn
        elif facts.get("parent_arn") in self._selected:
            self._selected.add(arn)
        if arn in self._selected:
            self._records.append((arn, record))
        if record == PURGED and arn == self.arn:
            self.arn = None


def _events(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    events: Sequence[Mapping[str, Any]] = record.get("Events", ())
    return events
