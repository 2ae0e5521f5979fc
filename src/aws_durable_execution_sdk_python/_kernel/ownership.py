"""Who may use a durable context now.

What this rests on, each decided by identity:

1. What runs in a flow of control is known (`_core.running`): whoever calls user code enters what
   it is. A context may be used by the function it was given to, and by nothing else that is
   known: not inside an operation of its own, not by another branch, run or invocation.
2. Where nothing is known, in a thread of the user's say, only the invocation's end is looked at;
   the runtime then refuses other threads and event loops: a blocking context belongs to the
   thread that runs its function (`ThreadRuntime.check`), an async one to the loop of its
   invocation, where its operations are called and where they are awaited.
3. An async context belongs to one task: to one of those that led to it, as long as that runs.
4. An operation that could not be carried out - its error says that this invocation or the whole
   execution cannot go on - leaves a *refusal* with the context it was called on. From then on
   every operation on that context and those inside it raises the same error, and when the
   context's function ends, however it ends, the error is its outcome. So it travels up, from
   function to function, and nothing that user code catches on its way can stop it. While it is
   on its way the invocation does not end as merely suspended.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NoReturn

from aws_durable_execution_sdk_python._core import running
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.exceptions import (
    ConcurrentContextUseError,
    ForeignContextError,
    NestedOperationError,
    UnrecoverableError,
)
from aws_durable_execution_sdk_python.serdes import SerDesDefaults


@dataclass(frozen=True, slots=True)
class StepBody(Leaf):
    """Marks the body of a step or of a check, where no durable operation may be called."""

    what: str = "step"

    def __str__(self) -> str:
        return f"the {self.what} {self.name!r}" if self.name else f"the {self.what}"

    def refuse(self) -> NoReturn:
        raise NestedOperationError(
            f"a durable context was used inside {self}: a {self.what} is a leaf operation. Group "
            "operations with context.run_in_child_context(...), or call the operation before or "
            "after it and pass its result as an argument"
        )


# The tasks that led here, outermost first: a task inherits its creator's at creation.
_lineage: ContextVar[tuple[asyncio.Task[object], ...]] = ContextVar("durable_lineage", default=())

_log = logging.getLogger(__name__)

enter = running.enter
leave = running.leave
_current = running_code = running.current

_NESTED = (
    "a durable context was used inside one of its own operations: the function run in a child "
    "context, map or parallel must use the context it is given as its first argument"
)
_ELSEWHERE = (
    "a durable context was used by another function than the one it was given to, which has ended "
    "or runs on its own: use the context that the running function was given"
)
_OTHER_INVOCATION = (
    "a durable context belongs to the invocation it was made for, and this one was kept beyond it "
    "(in a module-level object, say): pass on the context that the handler is given now"
)
_LOOP = "an async durable context can only be used inside a task of its own event loop"
_SEVERAL = (
    "{what} called an operation on a durable context while {other} is using it. The order in "
    "which concurrent code takes its turns is not the same on replay. Give each its own context: "
    "context.run_in_child_context(...), or context.parallel(...) / context.map(...)."
)


@dataclass(slots=True, eq=False)
class InvocationScope(Opaque):
    """What the contexts of one invocation know of it; by its identity they know each other.

    Attributes:
        arn: the execution.
        lambda_context: Lambda's own context object.
        journal: what is known of the execution.
        loop: runs the async contexts' functions.
        serdes: what operations use that are given no serdes.
        refused: the contexts on which an operation could not be carried out, until their functions
            end.
        over: whether nothing of this invocation can run any more.
        compat_aws: whether a context may be used inside its own steps and child contexts, as the
            official SDK allows.
        had_ended: whether a context, None for the execution, had ended on record; None where those
            that are open have not.
    """

    arn: str
    lambda_context: object
    journal: Journal
    loop: asyncio.AbstractEventLoop
    serdes: SerDesDefaults = field(default_factory=SerDesDefaults)
    refused: set[ContextUse] = field(default_factory=set["ContextUse"])
    over: bool = False
    compat_aws: bool = False
    had_ended: Callable[[str | None], bool] | None = None


class ContextUse(Opaque):
    """Who uses one durable context, and whether it can still be used.

    Attributes:
        scope: the invocation it was made for.
        outer: the context around it.
        runtime: what runs its function, by identity; set when that is entered.
        home: the context whose function may use it: itself, unless it is an additional context.
        refusal: the error of an operation that could not be carried out.
        was_cut_short: whether an operation of it, or of a virtual context in it, was cancelled.
    """

    __slots__ = (
        "_lineage",
        "_task",
        "home",
        "outer",
        "refusal",
        "runtime",
        "scope",
        "was_cut_short",
    )

    def __init__(self, scope: InvocationScope, outer: ContextUse | None) -> None:
        self.scope = scope
        self.outer = outer
        self.runtime: object = None
        self.home: ContextUse = self
        self.refusal: UnrecoverableError | None = None
        self.was_cut_short = False
        self._task: asyncio.Task[object] | None = None
        self._lineage: tuple[asyncio.Task[object], ...] = ()

    def check(self) -> None:
        """Refuse an operation that must not be called on this context here and now.

        Raises:
            NestedOperationError: called inside a step, a callback such as a serdes, or inside a
                child context's function.
            ForeignContextError: the context was given to other code than that which runs.
            UnrecoverableError: an earlier operation on it could not be carried out.
        """
        code = _current()
        if code is not self.home:
            self._check_code(code)
        if self.scope.refused:
            self.check_refusal()

    def _check_code(self, code: object) -> None:
        inner = self._context_of(code)
        if inner is self:
            return
        while inner.outer is not None:
            inner = inner.outer
            if inner is self.home:
                if not self.scope.compat_aws:
                    raise NestedOperationError(_NESTED)
                self._warn("one of its own operations")
                return
        raise ForeignContextError(_ELSEWHERE)

    def _warn(self, where: str) -> None:
        _log.warning(
            "%s: a durable context was used inside %s, which compat='aws' allows. On a replay that "
            "no longer runs that code, the operations after it have other numbers, and the "
            "execution fails: give the inner code the context it is called with",
            self.scope.arn,
            where,
        )

    def cut_short(self) -> None:
        """An operation that was called on it was cancelled."""
        self.was_cut_short = True

    def current(self) -> ContextUse:
        """The context whose function runs here; this one where nothing is known.

        For what may be used anywhere in its invocation outside of steps, as callbacks are.

        Raises:
            NestedOperationError: code runs in which no operation may be called.
            ForeignContextError: this context is one of another invocation.
        """
        return self._context_of(_current())

    def _context_of(self, code: object) -> ContextUse:
        if isinstance(code, Leaf):
            if not (isinstance(code, StepBody) and self.scope.compat_aws and not self.scope.over):
                code.refuse()
            self._warn(str(code))
            return self
        context = code if isinstance(code, ContextUse) else self
        if context.scope is not self.scope or (code is None and self.scope.over):
            raise ForeignContextError(_OTHER_INVOCATION)
        return context

    # -- refusals -----------------------------------------------------------------------------

    def refuse(self, error: UnrecoverableError) -> None:
        """Remember that an operation called on this context could not be carried out."""
        home = self.home
        home.refusal = home.refusal or error
        self.scope.refused.add(home)

    def check_refusal(self) -> None:
        """Raise the refusal of this context or of one around it, if there is one."""
        context: ContextUse | None = self.home
        while context is not None:
            if context.refusal is not None:
                self.refuse(context.refusal)
                raise context.refusal
            context = context.outer

    # -- tasks --------------------------------------------------------------------------------

    def claim_task(self) -> None:
        """Claim the context for the current task.

        The claim passes to a task that the holder created, and back once that one is done.

        Raises:
            ConcurrentContextUseError: another task holds the claim and still runs, or this is
                none of the invocation's event loop.
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


def _current_task() -> asyncio.Task[object]:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or refuse_loop()


def refuse_loop() -> NoReturn:
    """Refuse a task of another event loop than the invocation's."""
    raise ConcurrentContextUseError(_LOOP)


def refuse_thread() -> NoReturn:
    """Refuse a thread that is not the one which runs the context's function."""
    name = threading.current_thread().name
    raise ConcurrentContextUseError(_SEVERAL.format(what=f"thread {name}", other="another thread"))
