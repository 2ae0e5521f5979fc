"""The inputs of a map behave as a list of the function's own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.inputs import Inputs
from aws_durable_execution_sdk_python._core.model import OperationType
from aws_durable_execution_sdk_python._operations.storing import round_trip
from aws_durable_execution_sdk_python.serdes import JsonSerDes, SerDesContext

STEP = OperationIdentity("id", OperationType.STEP, "Step", None, None)

CHANGES: dict[str, Callable[[Any], object]] = {
    "item": lambda items: items.__setitem__(0, 9),
    "slice": lambda items: items.__setitem__(slice(0, 2), [7, 8, 9]),
    "del": lambda items: items.__delitem__(1),
    "append": lambda items: items.append(4),
    "insert": lambda items: items.insert(0, 4),
    "extend": lambda items: items.extend([4, 5]),
    "pop": lambda items: items.pop(),
    "remove": lambda items: items.remove(2),
    "reverse": lambda items: items.reverse(),
    "sort": lambda items: items.sort(reverse=True),
    "clear": lambda items: items.clear(),
    "+=": lambda items: items.__iadd__([4]),
}
LOOKS: dict[str, Callable[[Any], object]] = {
    "len": len,
    "item": lambda items: items[-1],
    "slice": lambda items: items[1:],
    "list": list,
    "reversed": lambda items: list(reversed(items)),
    "in": lambda items: 2 in items,
    "index": lambda items: items.index(3),
    "count": lambda items: items.count(1),
    "+": lambda items: items + [4],  # noqa: RUF005
    "reflected +": lambda items: [0] + items,  # noqa: RUF005
    "copy": lambda items: items.copy(),
    "copy.copy": copy.copy,
    "repr": repr,
    "bool": bool,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_as_in_a_list_and_no_other_view_sees_it(change: Callable[[Any], Any]) -> None:
    shared = (1, 2, 3)
    changed, other, expected = Inputs(shared), Inputs(shared), [1, 2, 3]
    assert change(changed) == change(expected)
    assert changed == expected
    assert other == [1, 2, 3]
    assert shared == (1, 2, 3)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_it_looks_like_a_list(look: Callable[[Any], Any]) -> None:
    assert look(Inputs((1, 2, 3))) == look([1, 2, 3])


def test_an_index_beyond_the_end_is_an_error() -> None:
    with pytest.raises(IndexError):
        Inputs((1,))[1]


def test_equality_is_that_of_lists() -> None:
    assert Inputs((1, 2)) == [1, 2]
    assert [1, 2] == Inputs((1, 2))  # noqa: SIM300
    assert Inputs((1, 2)) == Inputs((1, 2))
    assert Inputs((1, 2)) != (1, 2)
    assert Inputs((1, 2)) != [1]


@pytest.mark.parametrize("items", [(1, "a", None), (1, (2, 3)), ()])
def test_it_is_stored_as_a_list(items: tuple[Any, ...]) -> None:
    text, value = round_trip({"items": Inputs(items)}, STEP, "arn")
    assert (text, value) == round_trip({"items": list(items)}, STEP, "arn")


def test_it_is_sent_as_a_list() -> None:
    text = JsonSerDes().serialize({"items": Inputs((1, 2))}, SerDesContext())
    assert json.loads(text) == {"items": [1, 2]}


def test_what_json_cannot_hold_is_still_refused() -> None:
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        JsonSerDes().serialize({1}, SerDesContext())
