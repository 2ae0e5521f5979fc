"""The branches of one map or parallel: a task group with its cancel scope.

Rules:

- A branch is a task of the group. Its coroutine catches everything and writes its one outcome, so
  that the group never sees an error; `_Outcome` has a case for every way to end.
- Branches start in index order, in slots, in waves; a suspended branch keeps its slot.
- When the batch is decided, fails, or has to be unwound, its scope is cancelled, by that one act:
  async branches end there and have ended when the operation returns, blocking ones are abandoned,
  those that have not begun never begin. Unless it is unwound, its branches are *given up*: what
  they, or tasks and threads of theirs, call after that is refused, and nothing of it is recorded.
- A CancelledError is the batch's if its scope, or one around it, was cancelled, and the
  invocation's if that is ending. No other gets this far: it was a failure of what it came from.

Runs on the event loop whoever called. When the caller is a blocked thread and all its branches are
parked, the thread is told to unwind: the batch runs again, from the record, when one of them can
go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio

from aws_durable_execution_sdk_python._core.completion import CompletionReason, CompletionTracker
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.jobs import Host
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.suspension import Pending
from aws_durable_execution_sdk_python._kernel.workers import MAX_THREADS
from aws_durable_execution_sdk_python.exceptions import DurableOperationError, InvocationError

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
    from aws_durable_execution_sdk_python._kernel.ports import Runtime


# The cancel scopes of the batches around what runs.
_scopes: ContextVar[tuple[anyio.CancelScope, ...]] = ContextVar("durable_batch_scopes", default=())


def cancelled_by_batch() -> bool:
    """Whether a batch around this code is over, so that its branches are cancelled."""
    return any(scope.cancel_called for scope in _scopes.get())


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch: its id, which kind of code it runs, how to make its operation for a runtime."""

    operation_id: str
    kind: Kind
    make: Callable[[Runtime], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class BranchesAsked:
    """The branches as a map or parallel asks for them.

    Attributes:
        kinds: which kind of code each branch runs.
        make: gives the branch of an index. Each is made when it starts and forgotten when it has
            ended, so that of many branches few are in memory.
        tracker: says when the batch is decided.
        max_concurrency: the most that may have begun and not ended; None for no limit.
    """

    kinds: Sequence[Kind]
    make: Callable[[int], Branch]
    tracker: CompletionTracker
    max_concurrency: int | None


@dataclass(slots=True)
class BranchOutcomes:
    """How the branches stood when the batch was decided, by index.

    Branches that had started and are in neither mapping were still running.
    """

    results: dict[int, Any]
    errors: dict[int, DurableOperationError]
    reason: CompletionReason


# -- how a branch can end -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Result:
    value: Any


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


_Outcome: TypeAlias = _Result | _Failure | _Postponed | _Fatal | _Cancelled


class Branches(Opaque):
    """One run of the branches of a batch."""

    def __init__(self, runtime: LoopRuntime, asked: BranchesAsked) -> None:
        self._runtime = runtime
        self._asked = asked
        self._tracker = asked.tracker
        self._slots = asked.max_concurrency or len(asked.kinds)
        self._next = 0
        # By index; the ids of those that have begun.
        self._running: dict[int, str] = {}
        self._parked: dict[int, tuple[Pending, ...]] = {}
        self._results: dict[int, Any] = {}
        self._errors: dict[int, DurableOperationError] = {}
        self._escaping: BaseException | None = None
        self._postponed: InvocationError | None = None
        self._changed = asyncio.Event()
        self._over = False

    async def run(self, host: Host | None) -> BranchOutcomes | tuple[Pending, ...]:
        """Run until decided; or, for a blocked host, until nothing can run.

        Raises:
            The error of a branch that is no failure of that branch alone: it escapes the policy.
        """
        unwinding: tuple[Pending, ...] = ()
        async with anyio.create_task_group() as group:
            try:
                unwinding = await self._until_decided(group, host)
            except Exception as error:  # the user's completion predicate
                self._escaping = error
            self._over = True
            if not unwinding:
                self._runtime.give_up(self._running.values())
            group.cancel_scope.cancel()
        if self._escaping is not None:
            raise self._escaping
        if unwinding:
            return unwinding
        self._raise_postponed()
        return BranchOutcomes(self._results, self._errors, self._tracker.reason)

    async def _until_decided(
        self, group: anyio.abc.TaskGroup, host: Host | None
    ) -> tuple[Pending, ...]:
        """Empty when decided, or when an error escapes; else what the parked branches wait for."""
        while self._escaping is None and self._tracker.decision() is None:
            await self._start_branches(group)
            if self._tracker.decision() is not None:
                break
            if self._all_parked():
                self._raise_postponed()
                if host is not None:
                    return tuple(pending for each in self._parked.values() for pending in each)
            await self._changed.wait()
            self._changed.clear()
        return ()

    def _raise_postponed(self) -> None:
        if self._postponed is not None:
            self._runtime.postponed.discard(self._postponed)
            raise self._postponed

    async def _start_branches(self, group: anyio.abc.TaskGroup) -> None:
        while self._escaping is None and self._may_start():
            index = self._next
            self._next += 1
            self._tracker.started(index)
            branch = self._asked.make(index)
            self._running[index] = branch.operation_id
            group.start_soon(self._run_branch, group.cancel_scope, index, branch)
            if self._next % self._runtime.tuning.wave == 0:
                await asyncio.sleep(0)

    def _may_start(self) -> bool:
        if len(self._running) >= self._slots or not self._tracker.may_start_more():
            return False
        # A blocking branch starts when a thread can be had for it: parked ones have none.
        active = len(self._running) - len(self._parked)
        return active < MAX_THREADS or self._asked.kinds[self._next] is Kind.ASYNC

    # -- one branch -------------------------------------------------------------------------

    async def _run_branch(self, scope: anyio.CancelScope, index: int, branch: Branch) -> None:
        _scopes.set((*_scopes.get(), scope))  # the task's context is its own
        with self._runtime.as_root():
            outcome = await self._outcome(scope, index, branch)
        del self._running[index]
        self._parked.pop(index, None)
        if not self._over:
            self._settle(index, outcome)
            self._changed.set()

    async def _outcome(self, scope: anyio.CancelScope, index: int, branch: Branch) -> _Outcome:
        runtime = self._runtime
        try:
            if branch.kind is Kind.ASYNC:
                return _Result(await branch.make(runtime))
            if runtime.is_settled(branch.operation_id):
                return _Result(await branch.make(runtime.unordered))
            parking = partial(self._parking, index)
            return _Result(await runtime.in_thread(branch.make, parking))
        except DurableOperationError as error:
            return _Failure(error)
        except InvocationError as error:
            return _Postponed(error) if error.is_retryable() else _Fatal(error)
        except asyncio.CancelledError as error:
            if scope.cancel_called or runtime.is_cancelled():
                return _Cancelled()
            return _Fatal(error)
        except BaseException as error:
            return _Fatal(error)

    def _settle(self, index: int, outcome: _Outcome) -> None:
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
