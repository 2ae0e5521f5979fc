"""The event loop of an environment: the standard library's, which counts what could wake it.

Rules that suspension, checkpoints and the end of an invocation rely on:

- A *source* is what can make a callback run although none is ready: a timer, a job of an executor,
  a registered file descriptor. Each is known from its beginning to its end, through overrides of
  public methods alone (`call_at`, `run_in_executor`, the selector given to the constructor).
- What the engine itself has going is no source. Its flows of control carry `ENGINE` as their
  `origin`; tasks, callbacks and transports inherit it by their context. User code never does.
- `select` with a timeout other than 0 is asyncio's own word that no callback is ready. Then, and
  only then, the idle hooks are asked, in order; the first that answers True has scheduled
  something, and the loop goes on at once. So it does when one has begun a task or a timer of the
  engine's. With a timeout of 0 the busy hooks are called.
- The timers of the invocation's code are kept apart, see `user_time`. Of the others, one that was
  due when `select` last returned has fired; no later one is taken to have.
- The tasks of an invocation are counted from their creation to their end.
- A task or timer belongs to the invocation during which it began, unless it was begun by the
  engine, by another invocation's code, or by a task that was there before. What does not is a
  *stranger*, and so is from then on a task that resists its end (`abandon`).

The backend is asyncio and the loop is this one whatever the process's policy, because all this
cannot be asked of another.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

from aws_durable_execution_sdk_python._kernel.idle_selector import BusyHook, IdleHook, IdleSelector
from aws_durable_execution_sdk_python._kernel.invocation_task import InvocationTask
from aws_durable_execution_sdk_python._kernel.origin import (
    ENGINE,
    context_of,
    engine_context,
    origin,
    origin_in,
)
from aws_durable_execution_sdk_python._kernel.restorable_loop import RestorableLoop
from aws_durable_execution_sdk_python._kernel.user_time import UserTime

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Timers that ended are forgotten when there are twice as many as when last looked through.
_FIRST_PRUNING = 256


class TaskCount:
    """How many tasks an invocation has that have not ended."""

    def __init__(self) -> None:
        self.alive = 0
        # One for all tasks, which may be many.
        self._ended = self._subtract
        self._context = Context()

    def add(self, task: asyncio.Task[Any]) -> None:
        self.alive += 1
        task.add_done_callback(self._ended, context=self._context)

    def _subtract(self, _: object) -> None:
        self.alive -= 1


class EventLoop(RestorableLoop):
    """asyncio's loop, with its sources counted.

    Attributes:
        release_hooks: asked before the others, and before the loop counts as at rest: what they
            schedule may be what the others wait for.
        idle_hooks: asked in order whenever no callback is ready.
        busy_hooks: called, in each pass, whenever some are.
        user_time: what the code of the invocation is told when it asks for the time.
        task_count: of the invocation.
        task_class: of its code.
        search_limit: how many objects a search for what is alive looks at; grows with what there
            is in the process.
    """

    search_limit = 50_000
    # The threads that run one of these loops.
    _driving: ClassVar[set[int | None]] = set()

    def __init__(self) -> None:
        self.user_time = UserTime(self)
        self.task_count = TaskCount()
        self.task_class: type[InvocationTask[Any]] = InvocationTask
        self.release_hooks: tuple[IdleHook, ...] = ()
        self.idle_hooks: tuple[IdleHook, ...] = ()
        self.busy_hooks: tuple[BusyHook, ...] = ()
        self._has_scheduled = False
        self._resting: asyncio.Future[None] | None = None
        self._rest_until = 0.0
        # By their identity: handles are equal where time, callback and arguments are.
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._timers_of_strangers: dict[int, asyncio.TimerHandle] = {}
        self._prune_at = _FIRST_PRUNING
        self._jobs: set[asyncio.Future[Any]] = set()
        self._foreign: set[int] = set()
        self._invocation: object | None = None
        self._strangers: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._abandoned: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.selector = IdleSelector()
        token = origin.set(ENGINE)  # the self-pipe, by which threads wake the loop, is no source
        try:
            super().__init__(self.selector)
        finally:
            origin.reset(token)
        self.selector.on_idle = self._idle
        self.selector.on_busy = self._busy

    def run_forever(self) -> None:
        """As asyncio's."""
        thread = threading.get_ident()
        self._driving.add(thread)
        try:
            super().run_forever()
        finally:
            self._driving.discard(thread)

    @classmethod
    def is_driven_by(cls, thread: threading.Thread) -> bool:
        """Whether a thread runs such a loop, this one or another environment's."""
        return thread.ident in cls._driving

    # -- when nothing is ready --------------------------------------------------------------

    def rest(self, within: float) -> asyncio.Future[None]:
        """Resolved once no callback is ready, or after so many seconds of which one always was.

        It may be resolved before by whoever has it. There is one at a time.
        """
        self._resting = self.create_future()
        self._rest_until = time.monotonic() + within
        return self._resting

    def _end_rest(self) -> bool:
        resting, self._resting = self._resting, None
        if resting is None or resting.done():
            return False
        resting.set_result(None)
        return True

    def _idle(self) -> bool:
        # How long to sleep has been reckoned already, without what a hook schedules.
        self._has_scheduled = False
        for hook in self.release_hooks:
            if hook():
                self._end_long_rest()
                return True
        answered = self._end_rest() or any(hook() for hook in self.idle_hooks)
        return answered or self._has_scheduled

    def _busy(self) -> None:
        self._end_long_rest()
        for hook in self.busy_hooks:
            hook()

    def _end_long_rest(self) -> None:
        if self._resting is not None and time.monotonic() >= self._rest_until:
            self._end_rest()

    @contextmanager
    def asking_when_idle(
        self, hook: IdleHook, *, first: bool = False, busy: BusyHook | None = None
    ) -> Iterator[None]:
        """Ask one more idle hook in here, after the others or before them, and call a busy one."""
        self.idle_hooks = (hook, *self.idle_hooks) if first else (*self.idle_hooks, hook)
        if busy is not None:
            self.busy_hooks = (*self.busy_hooks, busy)
        try:
            yield
        finally:
            self.idle_hooks = tuple(each for each in self.idle_hooks if each is not hook)
            self.busy_hooks = tuple(each for each in self.busy_hooks if each is not busy)

    # -- sources ----------------------------------------------------------------------------

    def time(self) -> float:
        """As asyncio's; the code of an invocation is told the time it lives in."""
        if self.user_time.differs and origin.get() is self._invocation:
            return self.user_time.now()
        return time.monotonic()

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's; `call_later` comes through here, and so do sleeps and time-outs."""
        whose = origin_in(context)
        if whose is not None and whose is self._invocation:
            context = copy_context() if context is None else context
            return self.user_time.call_at(when, callback, args, context)
        handle = super().call_at(when, callback, *args, context=context)
        if whose is not ENGINE:
            strange = self.is_strange(context)
            (self._timers_of_strangers if strange else self._timers)[id(handle)] = handle
            if len(self._timers) + len(self._timers_of_strangers) > self._prune_at:
                self._prune_at = _FIRST_PRUNING + 2 * len(self.timers())
        return handle

    def engine_call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> asyncio.TimerHandle:
        """A timer of the engine's, in real time, whoever's flow of control this is."""
        self._has_scheduled = True
        return super().call_at(when, callback, *args)

    def engine_call_later(
        self, seconds: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> asyncio.TimerHandle:
        """Likewise, so many seconds from now."""
        return self.engine_call_at(time.monotonic() + seconds, callback, *args)

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[Ts]], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        """As asyncio's."""
        job = super().run_in_executor(executor, func, *args)
        if origin.get() is not ENGINE:
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)
        return job

    def add_reader(
        self, fd: FileDescriptorLike, callback: Callable[[Unpack[Ts]], Any], *args: *Ts
    ) -> None:
        """As asyncio's."""
        super().add_reader(fd, callback, *args)
        self._note_callback(fd, callback)

    def add_writer(
        self, fd: FileDescriptorLike, callback: Callable[[Unpack[Ts]], Any], *args: *Ts
    ) -> None:
        """As asyncio's."""
        super().add_writer(fd, callback, *args)
        self._note_callback(fd, callback)

    def _note_callback(self, fd: FileDescriptorLike, callback: object) -> None:
        descriptor = self.selector.get_key(fd).fd
        if _is_python(callback):
            self._foreign.discard(descriptor)
        else:
            self._foreign.add(descriptor)

    def has_foreign_callbacks(self) -> bool:
        """Whether a descriptor is registered whose callback does not tell what it holds."""
        self._foreign.intersection_update(self.selector.get_map())
        return bool(self._foreign)

    def timers(self) -> list[asyncio.TimerHandle]:
        """The timers that are still to fire."""
        self._timers = self._still_to_fire(self._timers)
        self._timers_of_strangers = self._still_to_fire(self._timers_of_strangers)
        return [
            *self.user_time.pending(),
            *self._timers.values(),
            *self._timers_of_strangers.values(),
        ]

    def _still_to_fire(
        self, timers: dict[int, asyncio.TimerHandle]
    ) -> dict[int, asyncio.TimerHandle]:
        return {key: timer for key, timer in timers.items() if self._is_to_fire(timer)}

    def _is_to_fire(self, timer: asyncio.TimerHandle) -> bool:
        """Whether it is still to fire; so it is if it has fired since `select` returned."""
        return not timer.cancelled() and timer.when() > self.selector.returned

    def will_fire(self, timer: asyncio.TimerHandle) -> bool:
        """Whether a timer is sure to fire yet. One that is due may have fired already."""
        if id(timer) in self._timers or id(timer) in self._timers_of_strangers:
            return self._is_to_fire(timer) and timer.when() > time.monotonic()
        return self.user_time.has(timer)

    def jobs(self) -> set[asyncio.Future[Any]]:
        """The jobs of executors that have not ended."""
        return self._jobs

    def has_sources(self) -> bool:
        """Whether anything is there that could make a callback run, a thread's call aside."""
        return bool(self.timers() or self._jobs or self.selector.registered())

    # -- whose tasks ------------------------------------------------------------------------

    def begin_invocation(self, token: object) -> None:
        """From here on, until the next call, new tasks belong to the invocation with this token."""
        self._invocation = token
        self.user_time.begin()
        self.task_count = TaskCount()
        self.task_class = InvocationTask
        # Added to what is known: from 3.14 on, `all_tasks` knows those of the running thread only.
        self._strangers.update(asyncio.all_tasks(self))
        self._timers_of_strangers.update(self._timers)
        self._timers = {}

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """As asyncio's."""
        self._has_scheduled = True
        context = options.get("context")
        task: asyncio.Task[Any]
        whose = origin_in(context)
        if whose is ENGINE:  # whatever task factory the user's code has set
            task = asyncio.Task(coro, loop=self, **options)
            self._strangers.add(task)
            return task
        if self.get_task_factory() is None:
            task = self.task_class(coro, loop=self, **options)
        else:
            task = super().create_task(coro, **options)
        if (whose is None or whose is not self._invocation) and self.is_strange(context):
            self._strangers.add(task)
        else:
            self.task_count.add(task)
        return task

    def create_engine_task(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task of the engine's, whoever's flow of control this is, and whatever task factory."""
        self._has_scheduled = True
        task = asyncio.Task(coro, loop=self, context=engine_context())
        self._strangers.add(task)
        return task

    def create_strange_task(
        self, coro: Coroutine[Any, Any, T], context: Context | None = None
    ) -> asyncio.Task[T]:
        """A task of nobody's, in real time: what it begins may serve others as well."""
        self._has_scheduled = True
        task: asyncio.Task[T] = InvocationTask(coro, loop=self, context=context or context_of(None))
        self._strangers.add(task)
        return task

    def tasks_of_invocation(self) -> list[asyncio.Task[Any]]:
        """The tasks of the invocation that have not ended."""
        return [task for task in asyncio.all_tasks(self) if task not in self._strangers]

    def cancel_timers_of_invocation(self) -> None:
        """No callback is to run at a time any more that the invocation has set."""
        self.user_time.end()
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}

    def abandon(self, task: asyncio.Task[Any]) -> None:
        """Make a task that does not end a stranger, which nobody waits for, not even at exit."""
        self._strangers.add(task)
        self._abandoned.add(task)

    def tasks_to_end(self) -> list[asyncio.Task[Any]]:
        """Whosever tasks, those that have not ended; without the abandoned."""
        tasks = {*asyncio.all_tasks(self), *self._strangers} - {*self._abandoned}
        return [task for task in tasks if not task.done()]

    def is_strange(self, context: Context | None = None) -> bool:
        """Whether what begins now, or in this context, is not the invocation's."""
        whose = origin_in(context)
        if whose is not None:
            return whose is not self._invocation
        creator = asyncio.current_task(self)
        return creator is not None and creator in self._strangers


def _is_python(callback: object) -> bool:
    """Whether a callback shows what it holds, as extensions' functions do not have to."""
    while isinstance(callback, partial | MethodType):
        callback = callback.func if isinstance(callback, partial) else callback.__func__
    call = getattr(type(callback), "__call__", None)  # noqa: B004 - not whether there is one
    return isinstance(callback, FunctionType | BuiltinMethodType) or isinstance(call, FunctionType)


def running_loop() -> EventLoop:
    """The event loop this runs in.

    Raises:
        RuntimeError: there is none, or another one.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, EventLoop):
        raise RuntimeError(f"a durable execution runs in an event loop of its own, not in {loop!r}")  # noqa: TRY004
    return loop
