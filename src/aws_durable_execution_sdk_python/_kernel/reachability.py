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
- Nor is a thread that runs, or an event loop that runs in one: whoever asks takes the stack for a
  source of its own, and where a source itself holds the loop, it is entered.
- Objects of the engine (`Opaque`, its event loops), modules, classes, durable handlers, which
  begin invocations of their own, and loggers and the import system, which everything names and
  which lead everywhere, end the search. What extensions written in C hold without
  telling the garbage collector is not seen.
- A time-out around nothing but durable work is no work: `settled`, if given, has what durable work
  completes, and neither a future that a timer is given nor a task that it may cancel counts then.
- What the garbage collector does not track, as a dict of texts, holds nothing that it does track,
  so it ends the search too.
- What is held by something that holds many, rows of data say, is looked at last: a search goes
  through what leads from one to the next before it goes through what lies there in masses.
- It looks at `limit` objects at most. Who meets the limit may reach anything. Code names what names
  more code, so that the limit is one of the whole process: large frameworks are some 50,000
  objects, data apart.

Nothing here runs code of the user's: objects are told apart by their type, never by `isinstance`,
which asks their `__class__`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextvars import Context, ContextVar
from enum import Enum
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any, NamedTuple, TypeAlias

from aws_durable_execution_sdk_python._kernel.code_names import (
    PLAIN,
    named_in,
    named_in_class,
    named_in_function,
)
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
_IMPORT_SYSTEM = (sys.meta_path, sys.path_hooks, sys.path_importer_cache, sys.modules)
_CODE = (CoroutineType, GeneratorType, AsyncGeneratorType, FrameType)
# What leads on though the garbage collector may not track it.
_UNTRACKED = frozenset({ContextVar, FrameType})
_CONTAINERS: frozenset[type] = frozenset(
    {dict, list, tuple, set, frozenset, deque, OrderedDict, defaultdict, CellType}
)
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
    LOOP = "unless it runs, and not in the thread of a source"
    CODE = "unless callbacks alone are asked about"
    DATA = "along its references, which are all there is: its class is not the user's"
    PLAIN = "along its references, and what its class names"


# Objects that are held together, the source that they follow from, and whether it may cancel.
_Held: TypeAlias = tuple[Sequence[object], object, bool]


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
        # The event loops that sources hold.
        self._driven: set[int] = set()
        self._classes: set[type] = set()
        self._contexts: list[Context] = []
        self._variables: list[ContextVar[Any]] = []

    @property
    def looked_at(self) -> int:
        """How many objects have been looked at."""
        return len(self._keep)

    def run(self, sources: Iterable[object]) -> Found | None:
        """Which source reaches a target, or the limit, first; None if none does."""
        queue: deque[_Held] = deque(
            ((each,), each, type(each) is asyncio.TimerHandle) for each in sources
        )
        crowds: deque[_Held] = deque()
        while queue or crowds:
            objects, source, cancels = (queue or crowds).popleft()
            for obj in objects:
                key = id(obj)
                if key in self.seen and not (cancels and key not in self._seen_cancelling):
                    continue
                if cancels and self._is_settled(obj, source):
                    continue
                if key in self._targets:
                    return Found(source, obj)
                kind = self._kinds.get(type(obj)) or self._kind_of(type(obj))
                if kind is _Kind.TASK and (found := self._task(obj, cancels)) is not None:
                    return Found(source, found)
                if kind is not _Kind.DATA and not self._is_entered(obj, kind, source, cancels):
                    continue
                if len(self._keep) >= self._limit:
                    return Found(source, None)
                self.seen.add(key)
                self._keep.append(obj)
                if cancels:
                    self._seen_cancelling.add(key)
                follows = cancels and kind is not _Kind.TASK
                held = _held_by(obj) if kind is _Kind.DATA else self._referents(obj, source)
                if len(held) > CROWD:
                    crowds.extend((part, source, follows) for part in _parts(held))
                elif held:
                    queue.append((held, source, follows))
                if kind is not _Kind.DATA and (named := self._named(obj)):
                    queue.append((named, source, False))
        return None

    def _kind_of(self, cls: type) -> _Kind:
        if cls in PLAIN or issubclass(cls, _LEAVES):
            kind = _Kind.LEAF
        elif issubclass(cls, asyncio.Task):
            kind = _Kind.TASK
        elif issubclass(cls, threading.Thread):
            kind = _Kind.THREAD
        elif issubclass(cls, asyncio.BaseEventLoop):
            kind = _Kind.LOOP
        elif issubclass(cls, _CODE):
            kind = _Kind.CODE
        else:
            kind = _Kind.DATA if cls in _CONTAINERS else _Kind.PLAIN
        self._kinds[cls] = kind
        return kind

    def _is_entered(self, obj: Any, kind: _Kind, source: object, cancels: bool) -> bool:
        if kind is _Kind.PLAIN:
            return True
        if kind is _Kind.LEAF:
            return False
        if kind is _Kind.CODE:
            return not self._callbacks_only
        if kind is _Kind.TASK:
            return self._will_run(obj, cancels)
        if kind is _Kind.THREAD:
            return id(obj) not in self._alive or obj is source
        return id(obj) in self._driven or not _runs(obj)

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

    def _referents(self, obj: Any, source: object) -> Sequence[object]:
        cls = type(obj)
        look = _LOOKS.get(cls)
        if look is not None:
            held = look(self, obj)
        elif issubclass(cls, weakref.ref):
            held = (weakref.ref.__call__(obj),)
        elif issubclass(cls, weakref.ProxyTypes):
            held = _behind_proxy(obj)
        else:
            held = _held_by(obj)
        if obj is source:
            self._driven.update(map(id, held))
        return held

    def _of_function(self, function: FunctionType) -> Sequence[object]:
        if _begins_an_invocation(function):
            return ()
        return (
            *(function.__closure__ or ()),
            *(function.__defaults__ or ()),
            *(function.__kwdefaults__ or {}).values(),
            *function.__dict__.values(),
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

    def _named(self, obj: Any) -> Sequence[object]:
        cls = type(obj)
        if cls is FrameType:
            return tuple(named_in(obj.f_code, obj.f_globals, obj.f_locals.values()))
        if not self._by_name or cls in self._classes:
            return ()
        if cls is FunctionType:
            return () if _begins_an_invocation(obj) else tuple(named_in_function(obj))
        if cls is MethodType:
            return _named_in_method(obj)
        new = [each for each in cls.__mro__ if each not in self._classes]
        self._classes.update(new)
        return [
            named
            for each in new
            if each.__flags__ & _CREATED_AT_RUN_TIME
            for named in named_in_class(each)
        ]


_LOOKS: Mapping[type, Callable[[Search, Any], Sequence[object]]] = {
    FunctionType: Search._of_function,
    FrameType: Search._of_frame,
    BuiltinFunctionType: Search._of_builtin,
    Context: Search._of_context,
    ContextVar: Search._of_variable,
}


def _held_by(obj: object) -> Sequence[object]:
    held = gc.get_referents(obj)
    return [each for each in held if gc.is_tracked(each) or type(each) in _UNTRACKED]


def _behind_proxy(proxy: Any) -> tuple[object, ...]:
    """What a weak proxy stands for: it hands out the methods of that."""
    try:
        return (proxy.__init__.__self__,)
    except (ReferenceError, AttributeError):
        return ()


def _named_in_method(method: MethodType) -> Sequence[object]:
    function, bound = method.__func__, method.__self__
    if type(function) is not FunctionType or not issubclass(type(bound), ModuleType | type):
        return ()  # what the function reaches beyond is found from that
    return tuple(named_in(function.__code__, function.__globals__, (bound,)))


def _begins_an_invocation(function: FunctionType) -> bool:
    return getattr(function, "__durable_handler__", False) is not False


def _runs(loop: asyncio.BaseEventLoop) -> bool:
    try:
        return asyncio.BaseEventLoop.is_running(loop)
    except AttributeError:  # it is in the making
        return False


def _parts(held: Sequence[object]) -> Iterator[Sequence[object]]:
    for start in range(0, len(held), CROWD):
        yield held[start : start + CROWD]
