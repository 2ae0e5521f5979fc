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
from typing import Any, TypeVar

from aws_durable_execution_sdk_python import exceptions
from aws_durable_execution_sdk_python.exceptions import DurableOperationError, UnrecoverableError

E = TypeVar("E", bound=DurableOperationError)

# Longer names are of nothing; taking them apart would only cost time.
_MAX_NAME = 1024
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement

_base_of = type.__dict__["__base__"].__get__
_dict_of = type.__dict__["__dict__"].__get__
_flags_of = type.__dict__["__flags__"].__get__
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
    if issubclass(operation_class, original) or not _may_be_combined(original):
        return operation_class
    if issubclass(original, operation_class):
        return original
    namespace = {
        "__str__": operation_class.__str__,
        "__module__": _module_of(original),
        "__qualname__": _qualname_of(original),
    }
    metaclass: Any = type(original)
    try:
        # Not a call of the metaclass, which may be the user's code.
        cls: Any = type.__new__(
            metaclass, _name_of(original), (operation_class, _NoHooks, original), namespace
        )
    except TypeError:
        return operation_class  # their layouts clash
    both: type[E] = cls
    return both


def new_without_code(cls: type[E]) -> E:
    """An instance of an error class, made by the builtin class it is derived from.

    Raises:
        TypeError: that one does not make instances without arguments.
    """
    builtin: Any = cls
    while _flags_of(builtin) & _HEAP_TYPE:
        builtin = _base_of(builtin)
    instance: E = builtin.__new__(cls)
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


# What the constructor of an operation's error sets.
_ATTRIBUTES = ("message", "error_type", "data", "stack_trace", "callback_id")


def _may_be_combined(original: type[Exception]) -> bool:
    """Whether an operation's error that is also of this class behaves as one, and stays passive."""
    if issubclass(original, (UnrecoverableError, StopIteration, StopAsyncIteration)):
        # A failed operation is for the caller to handle: it must not end the invocation, or mean
        # the end of an iteration.
        return False
    if any("mro" in _dict_of(cls) for cls in _mro_of(type(original)) if cls not in (type, object)):
        return False  # a metaclass whose code would run
    for cls in _mro_of(original):
        namespace = _dict_of(cls)
        if _flags_of(cls) & _HEAP_TYPE and "__setattr__" in namespace:
            return False
        if any(hasattr(type(namespace.get(name)), "__set__") for name in _ATTRIBUTES):
            return False
    return True
