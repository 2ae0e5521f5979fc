"""What code reaches by name: the globals it names, modules it imports, and attributes of those.

Also by names that stand in it as texts, as for `getattr`; and, of the modules and classes that it
has at hand without naming them, the attributes.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import (
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    TracebackType,
    WrapperDescriptorType,
)
from typing import Any

# Types of what leads nowhere.
PLAIN = frozenset(
    {str, bytes, bytearray, int, float, complex, bool, type(None), type(...), range, re.Pattern}
    | {
        CodeType,
        GetSetDescriptorType,
        MemberDescriptorType,
        MethodDescriptorType,
        # What has failed does not go on: its frames are over.
        TracebackType,
        WrapperDescriptorType,
    }
)
# The names in code, by the code's id; with the code itself, so that the id stays its own.
# Not by the code: its hash goes through all that it holds.
_known: dict[int, tuple[CodeType, tuple[str, ...]]] = {}
_MOST_KNOWN = 1 << 14


def named_in_function(function: FunctionType) -> Iterator[object]:
    """What a function reaches by name."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    return named_in(function.__code__, function.__globals__, cells)


def named_in(
    code: CodeType, namespace: Mapping[str, Any], at_hand: Iterable[object] = ()
) -> Iterator[object]:
    """What code reaches by name, in this namespace.

    Parameters:
        at_hand: what it has without naming it.
    """
    names = _names(code)
    value: Any
    seen: set[int] = set()
    todo: list[object] = []
    for name in names:
        value = namespace.get(name)
        todo.append(sys.modules.get(name) if value is None else value)
    todo.extend(each for each in at_hand if issubclass(type(each), ModuleType | type))
    while todo:
        value = todo.pop()
        if issubclass(type(value), ModuleType | type):
            if id(value) not in seen:
                seen.add(id(value))
                todo.extend(_attributes(value, names))
        elif type(value) not in PLAIN:
            yield value


def named_in_class(cls: type) -> Iterator[object]:
    """What methods of a class reach, and what it holds for all its instances."""
    for name, value in list(vars(cls).items()):
        if type(value) is FunctionType:
            yield from value.__closure__ or ()
            yield from named_in(value.__code__, value.__globals__)
        elif type(value) not in PLAIN and not name.startswith("__"):
            yield value


def _is_filled(cell: CellType) -> bool:
    return bool(gc.get_referents(cell))


def _attributes(space: ModuleType | type, names: Collection[str]) -> Iterator[object]:
    for part in getattr(space, "__mro__", (space,)):
        attributes = vars(part)
        for name in names:
            if name in attributes:
                yield attributes[name]


def _names(code: CodeType) -> tuple[str, ...]:
    """The names that the source may have: others, as of rewritten assertions, are tools'."""
    known = _known.get(id(code))
    if known is not None:
        return known[1]
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names(constant)))
        elif isinstance(constant, str):
            names[constant] = None
    found = tuple(name for name in names if name.replace(".", "").isidentifier())
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[id(code)] = code, found
    return found
