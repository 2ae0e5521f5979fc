"""What is stored decides nothing about what is imported, and runs no code but the decoders'.

Stored data may have been written by others: by whoever answers a callback, or can write to the
service. Reading it must not import, must not run the code of classes it names, and may only make
instances of the types there are forms for.
"""

from __future__ import annotations

import abc
import base64
import json
import subprocess
import sys
import types
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import (
    BatchResult,
    CallbackError,
    ChildContextError,
    InvocationError,
    SerDesError,
    StepError,
)
from aws_durable_execution_sdk_python._core.errors import rebuild
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.concurrency.models import BatchItem, CompletionReason
from aws_durable_execution_sdk_python.serdes import (
    CallbackSerDes,
    ExtendedTypeSerDes,
    JsonSerDes,
    SerDesContext,
)

NOWHERE = SerDesContext()
ran: list[str] = []


def note(what: str) -> None:
    ran.append(what)


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    ran.clear()
    yield
    assert ran == []


class BusyInit(Exception):
    def __init__(self, *args: Any) -> None:
        note("__init__")


class BusyNew(Exception):
    def __new__(cls, *args: Any) -> BusyNew:
        note("__new__")
        return super().__new__(cls, *args)


class BusyHook(Exception):
    def __init_subclass__(cls, **kwargs: Any) -> None:
        note("__init_subclass__")


class BusySetter(Exception):
    def __setattr__(self, name: str, value: Any) -> None:
        note("__setattr__")


class BusyProperty(Exception):
    @property
    def message(self) -> str:
        note("getter")
        return ""

    @message.setter
    def message(self, value: str) -> None:
        note("setter")


class BusyReduce(Exception):
    def __reduce__(self) -> Any:
        note("__reduce__")
        return (print, ())

    def __setstate__(self, state: Any) -> None:
        note("__setstate__")


class BusyMeta(type):
    def __new__(mcs, name: str, bases: Any, namespace: Any, **kwargs: Any) -> Any:
        if name != "BusyClass" or bases != (Exception,):
            note("metaclass __new__")
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name: str, bases: Any, namespace: Any, **kwargs: Any) -> None:
        if bases != (Exception,):
            note("metaclass __init__")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        note("metaclass __call__")
        return super().__call__(*args, **kwargs)

    def __subclasscheck__(cls, subclass: type) -> bool:
        note("metaclass __subclasscheck__")
        return super().__subclasscheck__(subclass)

    def __instancecheck__(cls, instance: object) -> bool:
        note("metaclass __instancecheck__")
        return super().__instancecheck__(instance)

    def __hash__(cls) -> int:
        note("metaclass __hash__")
        return super().__hash__()

    def __eq__(cls, other: object) -> bool:
        note("metaclass __eq__")
        return super().__eq__(other)

    def __getattribute__(cls, name: str) -> Any:
        if name not in ("__class__", "__mro__", "__bases__"):  # asked by issubclass()
            note(f"metaclass __getattribute__ {name}")
        return super().__getattribute__(name)


class BusyClass(Exception, metaclass=BusyMeta):
    pass


ran.clear()


class AbstractError(Exception, abc.ABC):
    """A class of a harmless metaclass."""


class BusyGetattr(Exception):
    """One that asks its instance's dictionary for what is not there."""

    def __getattr__(self, name: str) -> Any:
        note(f"__getattr__ {name}")
        return None


class BusyGroup(ExceptionGroup[Exception]):
    def __new__(cls, *args: Any) -> BusyGroup:
        note("group __new__")
        return super().__new__(cls, *args)

    def derive(self, excs: Any) -> BusyGroup:
        note("derive")
        return BusyGroup(self.message, excs)


BUSY = [BusyInit, BusyNew, BusyHook, BusySetter, BusyProperty, BusyReduce]


def raise_as(name: str | None, operation_class: Any = StepError) -> Any:
    return rebuild(operation_class, ErrorObject("text", name))


DETAILS = json.dumps(
    {
        "aws-durable-error": 1,
        "args": {"$": "t", "v": [1]},
        "state": {"message": "m", "data": 1, "code": 2, "__class__": 3, "__dict__": {}},
        "lost": {"socket": "a socket"},
        "notes": ["n"],
        "cause": {"type": f"{__name__}.BusyInit", "message": "c", "state": {"a": 1}},
        "group": "g",
        "errors": [{"type": f"{__name__}.BusyReduce", "message": "e"}],
    }
)


# ----------------------------------------------------------------------------- names of errors


@pytest.mark.parametrize(
    "cls", [*BUSY, BusyClass], ids=lambda cls: type.__dict__["__name__"].__get__(cls)
)
def test_no_code_of_a_named_class_runs(cls: Any) -> None:
    name = type.__dict__["__name__"].__get__(cls)
    error = raise_as(f"{__name__}.{name}")
    mro = type.__dict__["__mro__"].__get__(type(error))
    assert [cls for cls in mro if cls is StepError] == [StepError]
    assert StepError.__str__(error) == "text"


@pytest.mark.parametrize("name", [cls.__name__ for cls in BUSY] + ["BusyGetattr", "BusyGroup"])
def test_no_code_of_a_class_runs_for_what_is_stored_of_its_state(name: str) -> None:
    """Neither its own nor that of the classes of causes and sub-errors."""
    for operation_class in (StepError, ChildContextError):
        error: Any = rebuild(
            operation_class, ErrorObject("text", f"{__name__}.{name}", DETAILS, ["line"])
        )
        assert type.__dict__["__name__"].__get__(type(error)) == name
        variables = BaseException.__dict__["__dict__"].__get__(error)
        assert variables["code"] == 2
        assert variables["__notes__"] == ["n"]
        assert "__class__" not in variables
        assert isinstance(error.__cause__, BusyInit)


def test_no_hook_of_a_metaclass_runs_for_what_is_stored_of_its_state() -> None:
    error = rebuild(StepError, ErrorObject("text", f"{__name__}.BusyClass", DETAILS))
    mro = type.__dict__["__mro__"].__get__(type(error))
    assert [cls for cls in mro if cls is BusyClass]


@pytest.mark.parametrize(
    "cls",
    [BusyInit, BusyNew, BusyHook, BusySetter, BusyProperty, BusyReduce, AbstractError],
)
def test_passive_classes_still_catch_their_error(cls: type[Exception]) -> None:
    error = raise_as(f"{__name__}.{cls.__name__}")
    assert isinstance(error, cls)
    assert isinstance(error, StepError)
    assert isinstance(rebuild(ChildContextError, ErrorObject("x", error.error_type)), cls)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "builtins.SystemExit",
        "SystemExit",
        "KeyboardInterrupt",
        "GeneratorExit",
        "asyncio.exceptions.CancelledError",
        "StopIteration",
        "StopAsyncIteration",
        "builtins.BaseException",
        "sys.modules",
        "builtins.__import__",
        "subprocess.Popen",
        "subprocess.CalledProcessError.__init__.__globals__.sys",
        "ValueError.__class__.__base__.__subclasses__",
        "aws_durable_execution_sdk_python.exceptions.enum.Enum",
        "aws_durable_execution_sdk_python._core.errors.json.JSONDecodeError",
        "aws_durable_execution_sdk_python.exceptions.InvocationError",
        "aws_durable_execution_sdk_python.exceptions.SuspendExecution",
        "..",
        ".",
        "",
        "a" * 100_000,
        "." * 100_000,
        "sys." * 20_000,
        "\x00",
        "\ud800",
    ],
    ids=lambda name: ascii(name)[:60],
)
def test_other_names_raise_the_operations_plain_error(name: str) -> None:
    error = raise_as(name)
    assert type(error) is StepError
    assert error.error_type == name
    assert not isinstance(error, InvocationError)


def test_a_class_is_known_by_its_own_name_only() -> None:
    """Not through another module that happens to have it, nor through a class it is kept in."""
    assert type(raise_as("urllib.error.OSError")) is StepError
    assert type(raise_as(f"{__name__}.subprocess.CalledProcessError")) is StepError
    assert isinstance(raise_as("subprocess.CalledProcessError"), subprocess.CalledProcessError)


class LazyModule(types.ModuleType):
    def __getattribute__(self, name: str) -> Any:
        note(f"loaded for {name}")
        return super().__getattribute__(name)


def test_lazy_modules_stay_unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = LazyModule("lazy_errors")
    by_function = types.ModuleType("lazy_by_function")
    by_function.__dict__["__getattr__"] = lambda name: note(f"__getattr__ {name}")
    monkeypatch.setitem(sys.modules, "lazy_errors", lazy)
    monkeypatch.setitem(sys.modules, "lazy_by_function", by_function)
    ran.clear()
    for name in ("lazy_errors.SomeError", "lazy_by_function.SomeError"):
        assert type(raise_as(name)) is StepError


def test_what_is_no_module_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            note(f"asked for {name}")
            return ValueError

    monkeypatch.setitem(sys.modules, "proxy", Proxy())
    monkeypatch.setitem(sys.modules, "blocked", None)
    ran.clear()
    assert type(raise_as("proxy.ValueError")) is StepError
    assert type(raise_as("blocked.ValueError")) is StepError


def test_a_module_that_is_not_loaded_is_not_imported() -> None:
    """`this` is in the standard library, and prints when it is imported."""
    assert "this" not in sys.modules
    assert type(raise_as("this.SomeError")) is StepError
    assert "this" not in sys.modules


_MODULES = sorted(
    name
    for name in ("os", "sys", "subprocess", "json", "asyncio", "http.client", "builtins", __name__)
    if name in sys.modules
)
_PARTS = st.one_of(
    st.sampled_from(
        ["SomeError", "JSONDecodeError", "OSError", "error", "path", "__dict__", "__class__"]
        + [type.__dict__["__name__"].__get__(cls) for cls in [*BUSY, BusyClass]]
    ),
    st.text(max_size=8),
)
NAMES = st.one_of(
    st.text(),
    st.builds(
        lambda module, parts: ".".join([module, *parts]),
        st.sampled_from([*_MODULES, "this", "antigravity", "turtledemo.clock", "lib2to3.pgen2"]),
        st.lists(_PARTS, max_size=4),
    ),
)


@settings(deadline=None, max_examples=500)
@given(NAMES, st.sampled_from([StepError, ChildContextError, CallbackError]), st.text())
def test_any_name_gives_an_operation_error_and_imports_nothing(
    name: str, operation_class: Any, data: str
) -> None:
    loaded = set(sys.modules)
    error = rebuild(operation_class, ErrorObject("text", name, data))
    assert set(sys.modules) == loaded
    assert isinstance(error, operation_class)
    mro = type.__dict__["__mro__"].__get__(type(error))
    originals = [cls for cls in mro if type.__dict__["__module__"].__get__(cls) in sys.modules]
    assert set(originals) == set(mro)  # nothing but what is loaded
    assert ran == []


@settings(deadline=None)
@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5) | st.text())
def test_any_data_of_a_callback_error_is_only_data(payload: Any) -> None:
    for text in (json.dumps(payload), str(payload)):
        data = f"aws-durable-callback:{text}"
        error = rebuild(CallbackError, ErrorObject("text", "x", data))
        assert (error.callback_id, error.data) == (None, data)


# ---------------------------------------------------------------------------------- payloads

TAGS = st.sampled_from(
    ["n", "s", "i", "f", "b", "B", "u", "d", "dt", "D", "t", "l", "m", "br", "py/object", "!!", ""]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["os.system", "__import__('this')", "2026-01-01", "1.5", "=", "NaN"]),
    st.uuids().map(str),
    st.binary().map(lambda data: base64.b64encode(data).decode()),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["t", "v", "all", "index", "status", "error", "result", "__class__"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        ),
        st.fixed_dictionaries({"t": TAGS, "v": inner}),
    ),
    max_leaves=20,
)
ALLOWED = {
    *(type(None), bool, int, float, str, list, dict, tuple, bytes),
    *(uuid.UUID, Decimal, datetime, date, BatchResult),
}


def types_in(value: Any) -> set[type]:
    found = {type(value)}
    if isinstance(value, BatchResult):
        assert type(value.completion_reason) is CompletionReason
        for item in value.all:
            assert type(item) is BatchItem
            assert item.error is None or type(item.error) is ErrorObject
            found |= types_in(item.result)
    elif isinstance(value, dict):
        found = found.union(*map(types_in, value.keys()), *map(types_in, value.values()))
    elif isinstance(value, (list, tuple)):
        found = found.union(*map(types_in, value))
    return found


@settings(deadline=None, max_examples=500)
@given(TREES)
def test_any_payload_gives_plain_values_and_imports_nothing(tree: Any) -> None:
    text = json.dumps(tree)
    loaded = set(sys.modules)
    for serdes in (ExtendedTypeSerDes(), CallbackSerDes(), JsonSerDes()):
        try:
            value = serdes.deserialize(text, NOWHERE)
        except SerDesError:
            continue
        assert types_in(value) <= ALLOWED
    assert set(sys.modules) == loaded
