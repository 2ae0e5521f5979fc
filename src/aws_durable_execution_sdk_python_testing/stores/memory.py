"""A store that lives as long as its process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from aws_durable_execution_sdk_python_testing.stores.base import Record


class InMemoryExecutionStore:
    """Keeps records as JSON text, so that what no file could hold does not pass here either.

    Example:
        >>> store = InMemoryExecutionStore()
        >>> store.append([("arn", {"Events": []})])
        >>> list(store.load())
        [('arn', {'Events': []})]
    """

    def __init__(self) -> None:
        self._log: list[tuple[str, str]] = []

    def append(self, records: Sequence[tuple[str, Record]]) -> None:
        self._log += [(arn, json.dumps(record, separators=(",", ":"))) for arn, record in records]

    def load(self) -> Iterator[tuple[str, Record]]:
        for arn, text in self._log:
            yield arn, json.loads(text)

    def close(self) -> None:
        """Nothing to release."""
