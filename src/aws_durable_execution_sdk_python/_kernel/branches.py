"""The branches of one map or parallel: a task group.

Rules:

- A branch is a task of the group. Its coroutine catches everything and writes its one outcome, so
  that the group never sees an error; `_Outcome` has a case for every way to end.
- Branches start in index order, in slots, in waves; a suspended branch keeps its slot.
- When the batch is decided, fails, has to be unwound or is cancelled itself, it is *over*, by that
  one act: its tasks are cancelled. Async branches have ended when the operation returns, blocking
  ones are abandoned, those that have not begun never begin. Unless it is unwound, its branches are
  *given up*: what they, or tasks and threads of theirs, call after that is refused, and nothing of
  it is recorded.
- A CancelledError is the batch's if that is over, and the invocation's if that is ending. No other
  gets this far: it was a failure of what it came from.

asyncio's group, not anyio's: since a task of that has a handle, a cancel scope and an event of its
own, a branch costs 25 us more, a sixth of all that a branch of one step costs. And cancelled once,
a branch may await in its `finally`; under a cancelled scope, every await would be cancelled again.

Runs on the event loop whoever called. When the caller is a blocked thread and all its branches are
parked, the thread is told to unwind: the batch runs again, from the record, when one of them can
go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeAlias, TypeVar

from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.ending import unwinds
from aws_durable_execution_sdk_python._kernel.jobs import Host
from aws_durable_execution_sdk_python._kernel.parked import Pending
from aws_durable_execution_sdk_python._kernel.ports import (
    Branch,
    BranchesAsked,
    BranchOutcomes,
    Runtime,
)
from aws_durable_execution_sdk_python._kernel.reachability import Opaque, waits_for
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.workers import MAX_THREADS
from aws_durable_execution_sdk_python.exceptions import DurableOperationError, InvocationError

T = TypeVar("T")
# Told what a branch is parked on, and None when it resumes.
Parking: TypeAlias = Callable[[tuple[Pending, ...] | None], object]


class Cancelling(Protocol):
    """What cancels the tasks of its own once it is `over`."""

    over: bool


# The batches around what runs, tasks of the user's in a branch included.
_batches: ContextVar[tuple[Cancelling, ...]] = ContextVar("durable_batches", default=())


def cancelled_by_batch() -> bool:
    """Whether a batch around this code is over, so that its branches are cancelled."""
    return any(batch.over for batch in _batches.get())


class BranchRuntime(Runtime, Protocol):
    """What the branches ask of the event loop's runtime besides.

    Attributes:
        tuning: the engine's constants.
        postponed: errors of branches that call for another invocation, once their siblings are
            done.
    """

    tuning: Tuning
    postponed: set[InvocationError]

    def give_up(self, operation_ids: Iterable[str]) -> None:
        """Refuse from here on whatever comes from inside these branches."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether the invocation is."""
        ...

    def asking_when_idle(self, hook: Callable[[], bool]) -> AbstractContextManager[None]:
        """Ask a hook, in here, before what decides about suspension is asked."""
        ...

    @property
    def unordered(self) -> Runtime:
        """The same for what has no order of completion."""
        ...

    def is_settled(self, operation_id: str) -> bool:
        """Whether a context's outcome is on record, so that no user code will run."""
        ...

    def begin_root(self) -> asyncio.Task[object]:
        """Count the running task as one whose end the invocation waits for, until `end_root`."""
        ...

    def end_root(self, task: asyncio.Task[object]) -> None: ...

    async def in_thread(self, make: Callable[[Runtime], Op[T]], parking: Parking) -> T:
        """Run an operation in a worker thread; see `LoopRuntime.in_thread`."""
        ...


# -- how a branch can end -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Result(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Failure:
    error: DurableOperationError


@dataclass(frozen=True, slots=True)
class _Postponed:
    """Another invocation is called for, once the siblings have come to their end."""

    error: InvocationError


@dataclass(frozen=True, slots=True)
class _Fatal:
    """An error that is no failure of this branch alone; a suspension of the invocation, too."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class _Cancelled:
    """By its batch, or by what that is in."""


_Outcome: TypeAlias = _Result[T] | _Failure | _Postponed | _Fatal | _Cancelled


class Branches(Opaque, Generic[T]):
    """One run of the branches of a batch."""

    def __init__(self, runtime: BranchRuntime, asked: BranchesAsked[T]) -> None:
        self._runtime = runtime
        self._asked = asked
        self._tracker = asked.tracker
        self._slots = asked.max_concurrency or len(asked.kinds)
        self._next = 0
        # By index; the ids of those that have begun.
        self._running: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._parked: dict[int, tuple[Pending, ...]] = {}
        self._results: dict[int, T] = {}
        self._errors: dict[int, DurableOperationError] = {}
        self._escaping: BaseException | None = None
        self._postponed: InvocationError | None = None
        self._changed = asyncio.Event()
        self.over = False
        # Of each branch a copy.
        self._context = copy_context()
        self._context.run(_batches.set, (*_batches.get(), self))
        # What those that clean up wait for, and how often the others were cancelled again.
        self._cleaning: dict[asyncio.Task[None], asyncio.Future[object] | None] = {}
        self._again = 0

    async def run(self, host: Host | None) -> BranchOutcomes[T] | tuple[Pending, ...]:
        """Run until decided; or, for a blocked host, until nothing can run.

        Raises:
            The error of a branch that is no failure of that branch alone: it escapes the policy.
        """
        unwinding: tuple[Pending, ...] = ()
        async with asyncio.TaskGroup() as group:
            try:
                unwinding = await self._until_decided(group, host)
            finally:
                self.over = True
            if not unwinding:
                self._runtime.give_up(self._running.values())
            if self._tasks:
                await self._until_ended()
        if self._escaping is not None:
            raise self._escaping
        if unwinding:
            return unwinding
        self._raise_postponed()
        return BranchOutcomes(self._results, self._errors, self._tracker.reason)

    async def _until_decided(
        self, group: asyncio.TaskGroup, host: Host | None
    ) -> tuple[Pending, ...]:
        """Empty when decided, or when an error escapes; else what the parked branches wait for."""
        while not self._is_decided():
            await self._start_branches(group)
            if self._is_decided():
                break
            if self._all_parked():
                if self._postponed is not None:
                    break
                if host is not None:
                    return tuple(pending for each in self._parked.values() for pending in each)
            await self._changed.wait()
            self._changed.clear()
        return ()

    def _is_decided(self) -> bool:
        """Whether the batch is over; also if the user's predicate raises, whatever it raises.

        Caught here, not where the group waits: there a CancelledError is not the user's.
        """
        if self._escaping is None:
            try:
                return self._tracker.decision() is not None
            except BaseException as error:
                self._escaping = error
        return True

    def _raise_postponed(self) -> None:
        if self._postponed is not None:
            self._runtime.postponed.discard(self._postponed)
            raise self._postponed

    async def _start_branches(self, group: asyncio.TaskGroup) -> None:
        while not self._is_decided() and self._may_start():
            index = self._next
            self._next += 1
            self._tracker.started(index)
            try:
                branch = self._asked.make(index)
            except BaseException as error:  # the user's item namer
                self._escaping = error
                break
            self._running[index] = branch.operation_id
            running = self._run_branch(index, branch)
            self._tasks.add(group.create_task(running, context=self._context.copy()))
            if self._next % self._runtime.tuning.wave == 0:
                await asyncio.sleep(0)

    def _may_start(self) -> bool:
        if self._next == len(self._asked.kinds) or len(self._running) >= self._slots:
            return False
        if not self._tracker.may_start_more():
            return False
        # A blocking branch starts when a thread can be had for it: parked ones have none.
        active = len(self._running) - len(self._parked)
        return active < MAX_THREADS or self._asked.kinds[self._next] is Kind.ASYNC

    async def _until_ended(self) -> None:
        """Cancel those that still run, until they have ended.

        A branch that swallows it and goes on is cancelled again, once nothing else is ready to
        run; one that cleans up is not.
        """
        for task in self._tasks:
            task.cancel()
        with self._runtime.asking_when_idle(self._cancel_again):
            await asyncio.wait(set(self._tasks))

    def _cancel_again(self) -> bool:
        if self._again >= self._runtime.tuning.most_cancellations:
            return False
        going_on = [t for t in self._tasks if not (t.done() or self._cleans_up(t))]
        for task in going_on:
            task.cancel()
        self._again += bool(going_on)
        return bool(going_on)

    def _cleans_up(self, task: asyncio.Task[None]) -> bool:
        """Whether the task still answers its cancellation; not asked twice about one wait of it."""
        waiter = waits_for(task)
        if self._cleaning.get(task) is not waiter:
            self._cleaning[task] = waiter if unwinds(task) else None
        return waiter is not None and self._cleaning[task] is waiter

    # -- one branch -------------------------------------------------------------------------

    async def _run_branch(self, index: int, branch: Branch[T]) -> None:
        runtime = self._runtime
        task = runtime.begin_root()
        outcome: _Outcome[T]
        try:
            outcome = _Result(await self._operation(index, branch))
        except DurableOperationError as error:
            outcome = _Failure(error)
        except InvocationError as error:
            outcome = _Postponed(error) if error.is_retryable() else _Fatal(error)
        except asyncio.CancelledError as error:
            outcome = _Cancelled() if self.over or runtime.is_ending else _Fatal(error)
        except BaseException as error:
            outcome = _Fatal(error)
        runtime.end_root(task)
        self._tasks.discard(task)
        del self._running[index]
        self._parked.pop(index, None)
        if not self.over:
            self._settle(index, outcome)
            if self._is_decided() or self._may_start() or self._all_parked():
                self._changed.set()

    def _operation(self, index: int, branch: Branch[T]) -> Awaitable[T]:
        runtime = self._runtime
        if branch.kind is Kind.ASYNC:
            return branch.make(runtime)
        if runtime.is_settled(branch.operation_id):
            return branch.make(runtime.unordered)
        return runtime.in_thread(branch.make, partial(self._parking, index))

    def _settle(self, index: int, outcome: _Outcome[T]) -> None:
        match outcome:
            case _Result(value):
                self._results[index] = value
                self._tracker.succeeded(index)
            case _Failure(failure):
                self._errors[index] = failure
                self._tracker.failed(index)
            case _Postponed(postponed):
                self._postponed = postponed
                self._runtime.postponed.add(postponed)
            case _Fatal(error):
                self._escaping = error
            case _Cancelled():
                pass  # whoever cancelled it has cancelled this batch, too

    # -- parking ----------------------------------------------------------------------------

    def _parking(self, index: int, pending: tuple[Pending, ...] | None) -> None:
        if pending is None:
            self._parked.pop(index, None)
        else:
            self._parked[index] = pending
            self._changed.set()

    def _all_parked(self) -> bool:
        """Whether no running branch can go on; one that ended with a retry does not count."""
        return self._running.keys() == self._parked.keys()
