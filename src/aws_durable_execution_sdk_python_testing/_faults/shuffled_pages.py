"""The same operations in another order: nothing may depend on where in the state one comes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

Page = dict[str, Any]


class ShuffledPages:
    """Gives out the pages of an execution's state in another order, and so what is on them.

    Parameters:
        shuffle: decides the order.
        token: the checkpoint token they are read with.
        read: reads a page by its marker.
    """

    def __init__(self, shuffle: random.Random, token: str, read: Callable[[str], Page]) -> None:
        self.token = token
        self._shuffle = shuffle
        self._read = read
        self._pages: dict[str, Page] = {}

    def page(self, marker: str) -> Page:
        """The page at a marker: one of those that follow the first marker asked for."""
        if marker not in self._pages:
            self._pages = self._read_on(marker)
        return self._pages[marker]

    def _read_on(self, marker: str) -> dict[str, Page]:
        """Read all pages from a marker on. The markers keep their order, the rest does not."""
        pages = {marker: self._read(marker)}
        while following := pages[marker].get("NextMarker"):
            marker = following
            pages[marker] = self._read(marker)
        contents = [shuffled(page["Operations"], self._shuffle) for page in pages.values()]
        self._shuffle.shuffle(contents)
        return {
            key: {**page, "Operations": content}
            for (key, page), content in zip(pages.items(), contents, strict=True)
        }


def shuffled_event(event: Mapping[str, Any], shuffle: random.Random) -> dict[str, Any]:
    """An invocation's event with its operations in another order."""
    state = event["InitialExecutionState"]
    operations = shuffled(state["Operations"], shuffle)
    return {**event, "InitialExecutionState": {**state, "Operations": operations}}


def shuffled(operations: list[Any], shuffle: random.Random) -> list[Any]:
    """The same operations in another order."""
    return shuffle.sample(operations, len(operations))
