"""Whether what is alive can still reach what somebody waits for, as a garbage collector would ask.

A future is completed by whoever holds it, a durable operation called by whoever holds a context.
So what can happen next follows from references, without knowing what a lock, a gather or an anyio
task group is. The rules of the search:

- It goes breadth first along `gc.get_referents`. Code also reaches the globals it names, and the
  attributes it names of modules and classes, be they among those or at hand; an instance what its
  classes' methods reach so. Of a context it reaches the variables that some code on the way
  mentions. Weak references are followed.
- A task that is merely mentioned is not entered: its holder could only cancel it. It is entered
  if it will run: it is ready, or the future it waits for has been reached, or a timer on the path
  may cancel it and it does not wait for durable work.
- Nor is a thread that runs: whoever asks takes its stack for a source of its own.
- Objects of the engine (`Opaque`, its event loops), modules, classes, durable handlers, which
  begin invocations of their own, and loggers and the import system, which everything names and
  which lead everywhere, end the search. What extensions written in C hold without
  telling the garbage collector is not seen.
- A time-out around nothing but durable work is no work: `settled`, if given, has what durable work
  completes, and neither a future that a timer is given nor a task that it may cancel counts then.
- What is held by something that holds many, rows of data say, is looked at last: a search goes
  through what leads from one to the next before it goes through what lies there in masses.
- It looks at `limit` objects at most. Who meets the limit may reach anything.

Nothing here runs code of the user's: objects are told apart by their type, never by `isinstance`,
which asks their `__class__`.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import re
import sys
import threading
import weakref
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextvars import Context, ContextVar
from enum import Enum
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    TracebackType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.idle_selector import IdleSelector

if not (
    hasattr(asyncio.Task, "_fut_waiter")
    # asyncio without its C part keeps it in the instances alone.
    or "_fut_waiter" in getattr(asyncio.Task.__init__, "__code__", (lambda: 0).__code__).co_names
):
    raise ImportError("this Python's asyncio.Task does not tell what it waits for (_fut_waiter)")


class Opaque:
    """A base class of what a search does not enter: it belongs to the engine."""

    __slots__ = ()


class Found(NamedTuple):
    """A source, and what it reaches: a target, or None for the limit of the search."""

    source: object
    target: object | None


_LEAVES = (type, ModuleType, Opaque, EventLoop, IdleSelector, logging.Logger, logging.Manager)
_PLAIN = frozenset(
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
_IMPORT_SYSTEM = (sys.meta_path, sys.path_hooks, sys.path_importer_cache, sys.modules)
_CODE = (CoroutineType, GeneratorType, AsyncGeneratorType, FrameType)
# So many objects, held by one, are a crowd, and looked at last.
CROWD = 30
_CREATED_AT_RUN_TIME = 1 << 9  # Py_TPFLAGS_HEAPTYPE: classes that Python code defines


def waits_for(task: asyncio.Task[object]) -> asyncio.Future[Any] | None:
    """The future a task waits for; None if it is about to run."""
    waiter: asyncio.Future[Any] | None = task._fut_waiter  # type: ignore[attr-defined]
    return None if waiter is None or waiter.done() else waiter


class _Kind(Enum):
    """How a search goes on from an object, by the object's type."""

    LEAF = "it does not"
    TASK = "if the task will run"
    THREAD = "unless it runs"
    CODE = "unless callbacks alone are asked about"
    PLAIN = "along its references"


class Search:
    """One search.

    Parameters:
        targets: what is searched for.
        asleep: the tasks that wait for durable work; a timer that may cancel them is none.
        running: tasks to be taken for ready.
        settled: the ids of what durable work completes; None to count every timer.
        limit: how many objects to look at.
        by_name: whether functions and classes reach what their code names; frames always do.
        callbacks_only: whether only callbacks run, and no coroutine.
    """

    def __init__(
        self,
        targets: Iterable[object] = (),
        *,
        asleep: Container[object] = (),
        running: Iterable[object] = (),
        settled: Container[int] | None = None,
        limit: int,
        by_name: bool = True,
        callbacks_only: bool = False,
    ) -> None:
        self._targets = {id(target): target for target in targets}
        self._asleep = asleep
        self._running = set(map(id, running))
        self._settled = settled
        self._limit = limit
        self._by_name = by_name
        self._callbacks_only = callbacks_only
        self._alive = set(map(id, threading.enumerate()))
        # Ids of what was entered, and of what was entered by way of a timer that may cancel.
        self.seen: set[int] = set(map(id, _IMPORT_SYSTEM))
        self._seen_cancelling: set[int] = set()
        # So that an id stays the same object's.
        self._keep: list[object] = []
        self._kinds: dict[type, _Kind] = {}
        self._classes: set[type] = set()
        self._contexts: list[Context] = []
        self._variables: list[ContextVar[Any]] = []

    def run(self, sources: Iterable[object]) -> Found | None:
        """Which source reaches a target, or the limit, first; None if none does."""
        queue = deque((each, each, type(each) is asyncio.TimerHandle) for each in sources)
        crowds: deque[tuple[Any, Any, bool]] = deque()
        while queue or crowds:
            obj, source, cancels = (queue or crowds).popleft()
            key = id(obj)
            if key in self.seen and not (cancels and key not in self._seen_cancelling):
                continue
            kind = self._kinds.get(type(obj)) or self._kind_of(type(obj))
            if cancels and self._is_settled(obj, source):
                continue
            if key in self._targets:
                return Found(source, obj)
            if kind is _Kind.LEAF or (kind is _Kind.CODE and self._callbacks_only):
                continue
            if kind is _Kind.THREAD and key in self._alive and obj is not source:
                continue
            if kind is _Kind.TASK:
                found = self._task(obj, cancels)
                if found is not None:
                    return Found(source, found)
                if not self._will_run(obj, cancels):
                    continue
                cancels = False
            if len(self._keep) >= self._limit:
                return Found(source, None)
            self._enter(obj, cancels)
            referents = self._referents(obj)
            following = queue if len(referents) <= CROWD else crowds
            following.extend((each, source, cancels) for each in referents)
            if self._by_name or type(obj) is FrameType:
                queue.extend((each, source, False) for each in self._named(obj))
        return None

    def _enter(self, obj: object, cancels: bool) -> None:
        if cancels:
            self._seen_cancelling.add(id(obj))
        self.seen.add(id(obj))
        self._keep.append(obj)

    def _kind_of(self, cls: type) -> _Kind:
        if cls in _PLAIN or issubclass(cls, _LEAVES):
            kind = _Kind.LEAF
        elif issubclass(cls, asyncio.Task):
            kind = _Kind.TASK
        elif issubclass(cls, threading.Thread):
            kind = _Kind.THREAD
        elif issubclass(cls, _CODE):
            kind = _Kind.CODE
        else:
            kind = _Kind.PLAIN
        self._kinds[cls] = kind
        return kind

    # -- tasks and timers -------------------------------------------------------------------

    def _will_run(self, task: Any, cancels: bool) -> bool:
        if task.done():
            return False
        waiter = waits_for(task)
        if waiter is None or id(waiter) in self.seen or id(task) in self._running:
            return True
        return cancels and not self._is_durable(task, waiter)

    def _task(self, task: Any, cancels: bool) -> object | None:
        """The target that a timer completes by cancelling the task that waits for it."""
        waiter = waits_for(task)
        if not cancels or waiter is None or self._is_durable(task, waiter):
            return None
        return waiter if id(waiter) in self._targets else None

    def _is_durable(self, task: object, waiter: object) -> bool:
        return task in self._asleep or (self._settled is not None and id(waiter) in self._settled)

    def _is_settled(self, obj: object, source: object) -> bool:
        """Whether a timer was given this future to complete, and durable work completes it too."""
        if self._settled is None or id(obj) not in self._settled:
            return False
        if not hasattr(type(obj), "_asyncio_future_blocking"):  # asyncio's own mark of a future
            return False
        given = gc.get_referents(*gc.get_referents(source))
        return any(obj is each for each in given)

    # -- where references lead --------------------------------------------------------------

    def _referents(self, obj: Any) -> Sequence[object]:
        cls = type(obj)
        look = _LOOKS.get(cls)
        if look is not None:
            return look(self, obj)
        if issubclass(cls, weakref.ref):
            return (weakref.ref.__call__(obj),)
        if issubclass(cls, weakref.ProxyTypes):
            return _behind_proxy(obj)
        return gc.get_referents(obj)

    def _of_function(self, function: FunctionType) -> Sequence[object]:
        if getattr(function, "__durable_handler__", False):
            return ()
        return (
            *(function.__closure__ or ()),
            *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values(),
            function.__dict__,
        )

    def _of_frame(self, frame: FrameType) -> Sequence[object]:
        return tuple(frame.f_locals.values())

    def _of_builtin(self, function: BuiltinFunctionType) -> Sequence[object]:
        return (function.__self__,)

    def _of_context(self, context: Context) -> Sequence[object]:
        self._contexts.append(context)
        return [context[variable] for variable in self._variables if variable in context]

    def _of_variable(self, variable: ContextVar[Any]) -> Sequence[object]:
        self._variables.append(variable)
        return [context[variable] for context in self._contexts if variable in context]

    def _named(self, obj: Any) -> Iterator[object]:
        cls = type(obj)
        if cls is FunctionType:
            if not getattr(obj, "__durable_handler__", False):
                cells = [cell.cell_contents for cell in obj.__closure__ or () if _is_filled(cell)]
                yield from _named_in(obj.__code__, obj.__globals__, cells)
        elif cls is FrameType:
            yield from _named_in(obj.f_code, obj.f_globals, obj.f_locals.values())
        elif cls is MethodType and type(obj.__func__) is FunctionType:
            function = obj.__func__
            yield from _named_in(function.__code__, function.__globals__, (obj.__self__,))
        else:
            for base in cls.__mro__:
                if base.__flags__ & _CREATED_AT_RUN_TIME and base not in self._classes:
                    self._classes.add(base)
                    yield from _of_class(base)


_LOOKS: Mapping[type, Callable[[Search, Any], Sequence[object]]] = {
    FunctionType: Search._of_function,
    FrameType: Search._of_frame,
    BuiltinFunctionType: Search._of_builtin,
    Context: Search._of_context,
    ContextVar: Search._of_variable,
}


def _behind_proxy(proxy: Any) -> tuple[object, ...]:
    """What a weak proxy stands for: it hands out the methods of that."""
    try:
        return (proxy.__init__.__self__,)
    except (ReferenceError, AttributeError):
        return ()


def _of_class(cls: type) -> Iterator[object]:
    """What methods of a class reach, and what it holds for all its instances."""
    for name, value in list(vars(cls).items()):
        if type(value) is FunctionType:
            yield from value.__closure__ or ()
            yield from _named_in(value.__code__, value.__globals__)
        elif type(value) not in _PLAIN and not name.startswith("__"):
            yield value


def _is_filled(cell: CellType) -> bool:
    return bool(gc.get_referents(cell))


def _named_in(
    code: CodeType, namespace: Mapping[str, Any], at_hand: Iterable[object] = ()
) -> Iterator[object]:
    """What code may reach by name: globals, modules it imports, and the attributes of those.

    Also by names that stand in it as texts, as for `getattr`; and, of the modules and classes that
    it has at hand without naming them, the attributes.
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
        elif type(value) not in _PLAIN:
            yield value


def _attributes(space: ModuleType | type, names: Collection[str]) -> Iterator[object]:
    for part in getattr(space, "__mro__", (space,)):
        attributes = vars(part)
        for name in names:
            if name in attributes:
                yield attributes[name]


@functools.lru_cache(4096)
def _names(code: CodeType) -> tuple[str, ...]:
    """The names that the source may have: others, as of rewritten assertions, are tools'."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names(constant)))
        elif isinstance(constant, str):
            names[constant] = None
    return tuple(name for name in names if name.replace(".", "").isidentifier())
