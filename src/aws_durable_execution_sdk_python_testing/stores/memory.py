"""A store that lives as long as its process."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence

from aws_durable_execution_sdk_python_testing.stores.base import PURGED, Record, encode


class InMemoryExecutionStore:
    """Keeps records as JSON text, so that what no file could hold does not pass here either.

    Example:
        >>> store = InMemoryExecutionStore()
        >>> store.append([("arn", {"Events": []})])
        >>> list(store.load())
        [('arn', {'Events': []})]
    """

    def __init__(self) -> None:
        # By execution, so that dropping one costs what it holds; the number keeps the order.
        self._logs: dict[str, list[tuple[int, str]]] = {}
        self._count = 0

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        # Encoded first: all of it is stored, or nothing.
        for arn, text in [(arn, encode(record)) for arn, record in records]:
            self._count += 1
            self._logs.setdefault(arn, []).append((self._count, text))
        for arn, record in records:
            if record == PURGED:
                del self._logs[arn]

    def load(self) -> Iterator[tuple[str, Record]]:
        logs = [[(number, arn, text) for number, text in log] for arn, log in self._logs.items()]
        for _, arn, text in heapq.merge(*logs):
            yield arn, json.loads(text)

    def close(self) -> None:
        """Nothing to release."""
