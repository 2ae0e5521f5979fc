"""The branches of one map or parallel: started in index order, in slots, until it is decided.

Runs on the event loop whoever called. A suspended branch keeps its slot. When the caller is a
blocked thread and all its branches are parked, the thread is told to unwind: the batch runs again,
from the record, when one of them can go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_durable_execution_sdk_python._core.completion import CompletionReason, CompletionTracker
from aws_durable_execution_sdk_python._core.model import TERMINAL
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.suspension import Pending
from aws_durable_execution_sdk_python._kernel.workers import MAX_THREADS, Host
from aws_durable_execution_sdk_python.exceptions import DurableOperationError, InvocationError

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import Invocation
    from aws_durable_execution_sdk_python._kernel.ports import Runtime

# Branches started at a time. Those begin before more are started, so that what they checkpoint is
# under way while the others are still being prepared.
WAVE = 16


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch: its id, which kind of code it runs, how to make its operation for a runtime."""

    operation_id: str
    kind: Kind
    make: Callable[[Runtime], Coroutine[Any, Any, Any]]


@dataclass(slots=True)
class BranchOutcomes:
    """How the branches stood when the batch was decided, by index.

    Branches that had started and are in neither mapping were still running.
    """

    results: dict[int, Any]
    errors: dict[int, DurableOperationError]
    reason: CompletionReason


class Branches:
    """Runs the branches of one batch under a completion policy.

    Parameters:
        kinds: which kind of code each branch runs.
        make: gives the branch of an index. Each is made when it starts and forgotten when it has
            ended, so that of many branches few are in memory.
    """

    def __init__(
        self,
        invocation: Invocation,
        kinds: Sequence[Kind],
        make: Callable[[int], Branch],
        tracker: CompletionTracker,
        max_concurrency: int | None,
    ) -> None:
        self._invocation = invocation
        self._kinds = kinds
        self._make = make
        self._tracker = tracker
        self._slots = max_concurrency or len(kinds)
        self._next = 0
        self._results: dict[int, Any] = {}
        self._errors: dict[int, DurableOperationError] = {}
        self._fatal: BaseException | None = None
        self._postponed: InvocationError | None = None
        self._running: dict[int, asyncio.Task[None]] = {}
        self._parked: dict[int, tuple[Pending, ...]] = {}
        self._changed = asyncio.Event()
        self._over = False

    async def run(self, host: Host | None) -> BranchOutcomes | tuple[Pending, ...]:
        """Run until decided; or, for a blocked host, until nothing can run.

        Raises:
            The error of a branch that is no failure of that branch alone: it escapes the policy.
        """
        try:
            while self._tracker.decision() is None:
                await self._start_branches(host)
                if self._tracker.decision() is not None:
                    break
                if self._all_parked():
                    self._raise_postponed()
                    if host is not None:
                        return self._unwind()
                await self._changed.wait()
                self._changed.clear()
                if self._fatal is not None:
                    raise self._fatal
        except BaseException:
            self._cancel(self._running)
            raise
        finally:
            self._over = True
        # Of the blocking ones left, those that run come to their end, the others never begin.
        self._cancel(i for i in self._running if self._kinds[i] is Kind.BLOCKING)
        self._raise_postponed()
        return BranchOutcomes(self._results, self._errors, self._tracker.reason)

    def _raise_postponed(self) -> None:
        if self._postponed is not None:
            self._invocation.postponed.discard(self._postponed)
            raise self._postponed

    def _cancel(self, indexes: Iterable[int]) -> None:
        for index in list(indexes):
            self._running[index].cancel()

    async def _start_branches(self, host: Host | None) -> None:
        while self._fatal is None and self._may_start():
            self._start_branch(self._next, host)
            self._next += 1
            if self._next % WAVE == 0:
                await asyncio.sleep(0)

    def _start_branch(self, index: int, host: Host | None) -> None:
        self._tracker.started(index)
        task = self._invocation.spawn(self._run_branch(index, host))
        self._running[index] = task
        task.add_done_callback(partial(self._ended, index))

    def _may_start(self) -> bool:
        if len(self._running) >= self._slots or not self._tracker.may_start_more():
            return False
        # A blocking branch starts when a thread can be had for it: parked ones have none.
        active = len(self._running) - len(self._parked)
        return active < MAX_THREADS or self._kinds[self._next] is Kind.ASYNC

    async def _run_branch(self, index: int, host: Host | None) -> None:
        """Everything a branch can do ends here as a value: nothing reaches the loop's handler."""
        branch = self._make(index)
        loop_runtime = self._invocation.loop_runtime
        try:
            if branch.kind is Kind.ASYNC or self._is_settled(branch):
                result = await branch.make(loop_runtime)
            else:
                parking = partial(self._parking, index)
                result = await loop_runtime.in_thread(branch.make, host, parking)
        except DurableOperationError as error:
            self._errors[index] = error
        except asyncio.CancelledError:
            raise
        except InvocationError as error:
            if self._over:
                return  # nobody waits for its outcome any more
            if error.is_retryable():
                self._postponed = error
                self._invocation.postponed.add(error)
            else:
                self._fatal = error
        except BaseException as error:
            self._fatal = error
        else:
            self._results[index] = result

    def _is_settled(self, branch: Branch) -> bool:
        """Whether the branch's result is on record, so that no user code will run."""
        operation = self._invocation.journal.get(branch.operation_id)
        if operation is None or operation.status not in TERMINAL:
            return False
        details = operation.context_details
        return details is None or not details.replay_children

    def _ended(self, index: int, _: asyncio.Task[None]) -> None:
        del self._running[index]
        self._parked.pop(index, None)
        if self._over:
            return
        if index in self._results:
            self._tracker.succeeded(index)
        elif index in self._errors:
            self._tracker.failed(index)
        self._changed.set()

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

    def _unwind(self) -> tuple[Pending, ...]:
        self._cancel(self._running)
        return tuple(pending for each in self._parked.values() for pending in each)
