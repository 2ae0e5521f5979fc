"""Who may use a durable context now: one flow of control, and not inside its own operations."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.exceptions import (
    ConcurrentContextUseError,
    NestedOperationError,
)


@dataclass(frozen=True, slots=True)
class StepBody:
    """Marks code that runs inside a step, where no durable operation may be called."""

    name: str | None


# What runs in this flow of control: a context's body, a step's body, or nothing of ours.
_running: ContextVar[ContextUse | StepBody | None] = ContextVar("durable_running", default=None)
# The tasks that led here, outermost first: a task inherits its creator's at creation.
_lineage: ContextVar[tuple[asyncio.Task[Any], ...]] = ContextVar("durable_lineage", default=())

enter = _running.set
leave = _running.reset

_SEVERAL = (
    "{what} called an operation on a durable context while {other} is using it. The order in "
    "which concurrent code takes its turns is not the same on replay. Give each its own context: "
    "context.run_in_child_context(...), or context.parallel(...) / context.map(...)."
)


def current() -> ContextUse | None:
    """The context whose body is running in this flow of control, if any.

    Raises:
        NestedOperationError: a step's body is running.
    """
    running = _running.get()
    if isinstance(running, StepBody):
        _refuse_in_step(running)
    return running if isinstance(running, ContextUse) else None


class ContextUse(Opaque):
    """The claims on one durable context."""

    __slots__ = ("_lineage", "_task", "_thread", "outer")

    def __init__(self, outer: ContextUse | None) -> None:
        self.outer = outer
        self._task: asyncio.Task[Any] | None = None
        self._lineage: tuple[asyncio.Task[Any], ...] = ()
        self._thread: int | None = None

    def check_not_nested(self) -> None:
        """Refuse a call from inside one of this context's own running operations.

        Raises:
            NestedOperationError: called inside a step, or inside a child context's function.
        """
        running = _running.get()
        if running is self or running is None:
            return
        if isinstance(running, StepBody):
            _refuse_in_step(running)
        inner: ContextUse | None = running if isinstance(running, ContextUse) else None
        while inner is not None:
            inner = inner.outer
            if inner is self:
                raise NestedOperationError(
                    "a durable context was used inside one of its own operations: the function "
                    "run in a child context, map or parallel must use the context it is given "
                    "as its first argument"
                )

    def claim_task(self) -> None:
        """Claim the context for the current task.

        The claim passes to a task that the holder created, and back once that one is done.

        Raises:
            ConcurrentContextUseError: another task holds the claim and still runs.
        """
        task = _current_task()
        if task is self._task:
            return
        lineage = _lineage.get()
        if not lineage or lineage[-1] is not task:
            lineage = (*lineage, task)
            _lineage.set(lineage)
        for theirs, ours in zip(self._lineage, [*lineage, None], strict=False):
            if theirs is not ours and not theirs.done():
                raise ConcurrentContextUseError(
                    _SEVERAL.format(what=f"task {task.get_name()}", other=theirs.get_name())
                )
        self._task, self._lineage = task, lineage

    def claim_thread(self) -> None:
        """Claim the context for the current thread until `release_thread`.

        Raises:
            ConcurrentContextUseError: an operation called from another thread is under way.
        """
        thread = threading.get_ident()
        if self._thread is not None and self._thread != thread:
            name = threading.current_thread().name
            raise ConcurrentContextUseError(
                _SEVERAL.format(what=f"thread {name}", other="another thread")
            )
        self._thread = thread

    def release_thread(self) -> None:
        self._thread = None


def _current_task() -> asyncio.Task[Any]:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        raise ConcurrentContextUseError(
            "an async durable context can only be used inside a task of its own event loop"
        )
    return task


def _refuse_in_step(body: StepBody) -> None:
    name = f" {body.name!r}" if body.name else ""
    raise NestedOperationError(
        f"a durable context was used inside the step{name}: a step is a leaf operation. Group "
        "operations with context.run_in_child_context(...), or call the operation before or "
        "after the step and pass its result as an argument"
    )
