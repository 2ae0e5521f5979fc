"""The user's own error classes, found again by name - without running any code to find them.

A name comes from what is stored, which others may have written. It can only choose among the
exception classes of modules that are loaded, by walking the dictionaries of modules and classes:
attribute access would run a module's `__getattr__`, a lazy module's loader or a metaclass. The
classes' own code does not run either, neither when one is combined with an operation's error
class nor when that is instantiated.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python._core.error_state import (
    args_of,
    is_heap_type,
    is_one_of,
    restored,
    set_args,
)
from aws_durable_execution_sdk_python.exceptions import (
    DurableOperationError,
    UnrecoverableError,
    missing_attribute,
)

E = TypeVar("E", bound=DurableOperationError)
X = TypeVar("X", bound=BaseException)

# What the constructor of an operation's error sets.
OPERATION_NAMES = ("message", "error_type", "data", "stack_trace", "callback_id")

# Longer names are of nothing; taking them apart would only cost time.
_MAX_NAME = 1024

_base_of = type.__dict__["__base__"].__get__
_dict_of = type.__dict__["__dict__"].__get__
_module_of = type.__dict__["__module__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_name_of = type.__dict__["__name__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__


def find_error_class(name: str | None) -> type[Exception] | None:
    """The exception class of that name, if the program has it loaded. Nothing is imported."""
    # What is stored may be no text at all.
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:  # pyright: ignore[reportUnnecessaryIsInstance]
        return None
    if name.startswith(exceptions.__name__ + "."):
        module, path = exceptions.__name__, [name.rpartition(".")[2]]
    else:
        module, path = _split(name)
    found = _walk(module, path)
    if found is not None and _full_name(found) == name:
        return found
    # Releases 1.x of the official SDK wrote its own classes without their module.
    return _walk(exceptions.__name__, [name])


def combine(operation_class: type[E], original: type[Exception]) -> type[E]:
    """`class ValueError(StepError, ValueError)`; the operation's class where that cannot be."""
    if is_one_of(original, _mro_of(operation_class)) or not _may_be_combined(original):
        return operation_class
    if is_one_of(operation_class, _mro_of(original)):
        subclass: Any = original
        return cast("type[E]", subclass)
    made = _derived((operation_class, _NoHooks), original, _masked(original))
    return operation_class if made is None else cast("type[E]", made)


def stand_in(original: type[Exception]) -> type[Exception]:
    """A class for an error that is made again: of the same name, and derived from the original.

    `DurableOperationError` for those that would end the invocation or an iteration, and where
    there can be none.
    """
    made = _derived((_NoHooks,), original, {}) if _may_be_combined(original) else None
    return DurableOperationError if made is None else made


def _masked(original: type[Exception]) -> dict[str, object]:
    """Takes what every error of an operation has from the instance, whatever the class says.

    A group's message stays the group's: `derive` makes parts of it, whose text it is.
    """
    taken = {name for base in _mro_of(original) for name in _dict_of(base)}
    if issubclass(original, BaseExceptionGroup):
        taken.discard("message")
    return {name: None for name in OPERATION_NAMES if name in taken}


def _derived(
    before: tuple[type, ...], original: type[Exception], masked: dict[str, object]
) -> type[Exception] | None:
    """A class of some classes and the original's; the same one each time, as long as it is used."""
    # By identity: the metaclass may have a hash of its own. The derived class keeps the original.
    key = (id(before[0]), id(original))
    cls: Any = _made.get(key)
    if cls is None:
        namespace = masked | {
            "__str__": _recorded_text,
            "__getattr__": _missing,
            "args": property(_kept_args, set_args),
            "__module__": _module_of(original),
            "__qualname__": _qualname_of(original),
        }
        metaclass: Any = type(original)
        try:
            # Not a call of the metaclass, which may be the user's code.
            cls = type.__new__(metaclass, _name_of(original), (*before, original), namespace)
        except TypeError:
            return None  # their layouts clash
        _made[key] = cls
    derived: type[Exception] = cls
    return derived


_made: WeakValueDictionary[tuple[int, int], type] = WeakValueDictionary()


# ----------------------------------------------------------- what the classes made here add


def _recorded_text(error: Exception) -> str:
    known = restored(error)
    return Exception.__str__(error) if known is None else known.stored.message or ""


def _kept_args(error: Exception) -> tuple[object, ...]:
    known = restored(error)
    if known is not None and "args" in known.lost:
        raise AttributeError("args")  # and so `_missing` is asked
    return args_of(error)


def _missing(error: Exception, name: str) -> Any:
    """Attributes that are not there: what the user's class says of them, else why they are not."""
    refusal: Exception | None = None
    theirs = None if name in _NEVER_ASKED or name.startswith("__") else _their_getattr(error)
    if theirs is not None:
        try:
            return theirs(error, name)
        except Exception as raised:  # it may need what was not kept
            refusal = raised
    raise missing_attribute(error, name) from refusal


def _their_getattr(error: Exception) -> Any:
    for cls in _mro_of(type(error)):
        found = _dict_of(cls).get("__getattr__")
        if found is not None and found is not _missing and found is not _OURS:
            return found
    return None


_OURS = _dict_of(DurableOperationError).get("__getattr__")
_NEVER_ASKED = frozenset({"args"})


def new_without_code(cls: type[X], *args: object) -> X:
    """An instance of an error class, made by the builtin class it is derived from.

    Raises:
        TypeError, ValueError: that one does not make instances of these arguments.
    """
    builtin: Any = cls
    while is_heap_type(builtin):
        builtin = _base_of(builtin)
    instance: X = builtin.__new__(cls, *args)
    return instance


class _NoHooks:
    """Comes before the user's class in a combined one, so that its hook is not called."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        pass


def _split(name: str) -> tuple[str, list[str]]:
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if module in sys.modules:
            return module, parts[cut:]
    return ("builtins", parts) if len(parts) == 1 else ("", parts)


def _walk(module_name: str, path: list[str]) -> type[Exception] | None:
    """Go from a loaded module through classes to an exception class."""
    module = sys.modules.get(module_name)
    if module is None or not issubclass(type(module), ModuleType):
        return None
    # Not vars(): a lazy module would load itself.
    found: Any = ModuleType.__getattribute__(module, "__dict__").get(path[0])
    for part in path[1:]:
        if not issubclass(type(found), type):
            return None
        found = _dict_of(found).get(part)
    return found if issubclass(type(found), type) and issubclass(found, Exception) else None


def _full_name(cls: type[Exception]) -> str:
    module, qualname = _module_of(cls), _qualname_of(cls)
    return str(qualname if module == "builtins" else f"{module}.{qualname}")


def _may_be_combined(original: type[Exception]) -> bool:
    """Whether an error that is also of this class stays passive, for the caller to handle."""
    if issubclass(original, (UnrecoverableError, StopIteration, StopAsyncIteration)):
        # A failed operation is for the caller to handle: it must not end the invocation, or mean
        # the end of an iteration.
        return False
    # A metaclass whose code would run.
    return not any(
        "mro" in _dict_of(cls) and not is_one_of(cls, (type, object))
        for cls in _mro_of(type(original))
    )
