"""The inputs of a map, as each of its functions sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T")


class Inputs(MutableSequence[T]):
    """A list of the function's own, copied when it is first changed.

    What a function writes must not reach the others: on replay, where it has ended, it does not
    write. A list for each would take the square of their number in memory.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Sequence[T]) -> None:
        self._items = items

    def _own(self) -> list[T]:
        if not isinstance(self._items, list):
            self._items = list(self._items)
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return list(self._items[index]) if isinstance(index, slice) else self._items[index]

    @overload
    def __setitem__(self, index: int, value: T) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[T]) -> None: ...
    def __setitem__(self, index: Any, value: Any) -> None:
        self._own()[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self._own()[index]

    def insert(self, index: int, value: T) -> None:
        self._own().insert(index, value)

    def sort(self, **options: Any) -> None:
        self._own().sort(**options)

    def copy(self) -> list[T]:
        return list(self._items)

    __copy__ = copy

    def __add__(self, other: Iterable[T]) -> list[T]:
        return [*self._items, *other]

    def __radd__(self, other: Iterable[T]) -> list[T]:
        return [*other, *self._items]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, Inputs)) and list(self._items) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self._items))


def as_list(value: object) -> list[object]:
    """For the JSON encoder: inputs are written as a list."""
    if isinstance(value, Inputs):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
