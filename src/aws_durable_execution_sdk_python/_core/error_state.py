"""What an error knows besides its class and text: its instance's variables, taken and put back.

Taken from the instance's dictionary, from slots, and from the members of the builtin class below
(`errno`, `start`). Put back into the same places by the descriptors that Python itself made for
them: no constructor, no `__setattr__`, no property and no `__setstate__` of the class runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from aws_durable_execution_sdk_python._core.model import ErrorObject

_base_dict = BaseException.__dict__["__dict__"].__get__
_dict_of = type.__dict__["__dict__"].__get__
_flags_of = type.__dict__["__flags__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_args = BaseException.__dict__["args"]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
# Their members are treated by name: `args`, the chain, the errors of a group.
_COMMON: tuple[type, ...] = (
    *(object, BaseException, Exception),
    *(BaseExceptionGroup, ExceptionGroup),
)

# Under this name an error that was made again has its `Restored`.
RESTORED = "_durable_restored"


@dataclass(slots=True)
class Restored:
    """What an error that was made again knows of the one it stands for.

    Attributes:
        stored: its text, type, data and trace, as they are stored.
        lost: the names of attributes that were not kept, and why.
        own: the names in its dictionary that were the original's, where they might be ours.
    """

    stored: ErrorObject
    lost: Mapping[str, str] = field(default_factory=dict[str, str])
    own: frozenset[str] = frozenset()


def restored(error: BaseException) -> Restored | None:
    """What is known of the original, if the error was made again."""
    found = instance_dict(error).get(RESTORED)
    return found if isinstance(found, Restored) else None


def instance_dict(error: BaseException) -> dict[str, Any]:
    """The instance's dictionary, whatever its class says of it."""
    found: dict[str, Any] = _base_dict(error)
    return found


def is_heap_type(cls: type) -> bool:
    """Whether the class was made by a class statement, and may have code of the user's."""
    return bool(_flags_of(cls) & _HEAP_TYPE)


def is_one_of(cls: type, classes: Iterable[type]) -> bool:
    """Whether a class is among others, by identity: a metaclass may have an idea of its own."""
    return any(cls is other for other in classes)


def args_of(error: BaseException) -> tuple[Any, ...]:
    """The error's `args`, whatever its class says of them."""
    found: tuple[Any, ...] = _args.__get__(error)
    return found


def set_args(error: BaseException, args: tuple[object, ...]) -> None:
    _args.__set__(error, args)


def variables(error: BaseException) -> dict[str, Any]:
    """The instance's variables by name, without the special ones of Python and of ours."""
    found: dict[str, Any] = {}
    for cls in reversed(_mro_of(type(error))):
        for name, descriptor in _members(cls):
            try:
                value = descriptor.__get__(error)
            except AttributeError:
                continue  # a slot that is not set
            if value is not None or is_heap_type(cls):
                found[name] = value
    for name, value in instance_dict(error).items():
        if name != RESTORED and not _is_special(name):
            found[name] = value
    return found


def set_variable(error: BaseException, name: str, value: object) -> bool:
    """Put a variable back; False if Python's own descriptor for it refuses the value."""
    for cls in _mro_of(type(error)):
        if name in _dict_of(cls):
            descriptor = _dict_of(cls)[name]
            if not _is_member(cls, descriptor):
                break
            try:
                descriptor.__set__(error, value)
            except (TypeError, ValueError, AttributeError, OverflowError):
                return False
            return True
    if isinstance(name, str) and not _is_special(name):  # pyright: ignore[reportUnnecessaryIsInstance]
        instance_dict(error)[name] = value
    return True


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    for name, descriptor in _dict_of(cls).items():
        if not _is_special(name) and _is_member(cls, descriptor):
            yield name, descriptor


def _is_member(cls: type, descriptor: object) -> bool:
    kind = type(descriptor)
    made_by_python = kind is GetSetDescriptorType and not is_heap_type(cls)
    return (made_by_python or kind is MemberDescriptorType) and not is_one_of(cls, _COMMON)


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
