"""Calls of blocking user code, where they run, and what comes of them.

A job runs on a *host*: a thread of the pool, or the stack of a thread that is blocked on work
above the job. Both run what comes into their mailbox until they are let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

# What the calling thread runs, if it runs jobs.
_here = threading.local()

# The blocked threads above this code, innermost first. Tasks and whatever makes them copy it by
# themselves: the right to run on those threads passes through async code without its knowing.
HOSTS: ContextVar[tuple[Host, ...]] = ContextVar("durable_hosts", default=())


class CallOutcome(NamedTuple):
    """What came of a call, as a value: its error means nothing to those who pass it on."""

    error: BaseException | None
    value: Any = None

    @classmethod
    def of(cls, function: Callable[[], object]) -> CallOutcome:
        try:
            return cls(None, function())
        except BaseException as error:
            return cls(error)

    def get(self) -> Any:
        """The value, or the error raised."""
        if self.error is None:
            return self.value
        try:
            raise self.error
        finally:
            del self  # the error's traceback holds this frame


async def outcome_of(make: Callable[[], Awaitable[object]]) -> CallOutcome:
    """What comes of an awaitable, in a task of its own, its cancellation included.

    As a value: SystemExit in a task would stop the event loop at once. Makes the awaitable itself:
    of a task that is cancelled before it begins none is left over.
    """
    try:
        return CallOutcome(None, await make())
    except BaseException as error:
        return CallOutcome(error)


# No `repr`: anyio shows tasks that it cancels, and through these one would show all the others.
@dataclass(eq=False, slots=True, repr=False)
class Host:
    """Where jobs run, one at a time: a thread of the pool, or a thread blocked until released.

    Attributes:
        blocked: the job whose code is blocked here; None for a thread of the pool.
        job: the one that runs here, or is about to.
        open: whether the thread has not been let go.
        waiting: the jobs below this host that have none yet.
        level: how many jobs are on the thread's stack below this one's.
    """

    blocked: Job | None = None
    job: Job | None = None
    open: bool = True
    waiting: OrderedDict[Job, None] = field(default_factory=OrderedDict)
    mailbox: SimpleQueue[Job | None] = field(default_factory=SimpleQueue)
    outcome: CallOutcome | None = None
    level: int = field(init=False)

    def __post_init__(self) -> None:
        self.level = 0 if self.blocked is None else self.blocked.level + 1

    @property
    def is_idle(self) -> bool:
        return self.open and self.job is None

    def serve(self) -> None:
        """Run what comes, on the calling thread, until let go."""
        while (job := self.mailbox.get()) is not None:
            job.perform(self)
            del job  # it would keep an invocation's objects alive until the next one comes

    def wait(self) -> Any:
        """Block the calling thread until released, with a value or an error."""
        self.serve()
        outcome, self.outcome = self.outcome, None
        return None if outcome is None else outcome.get()


class JobOwner(Protocol):
    """The invocation that a job belongs to, as the pool sees it."""

    def begun(self, job: Job) -> None:
        """The job's code runs now, or goes on."""
        ...

    def ended(self, job: Job, outcome: CallOutcome) -> None:
        """Nothing will be heard of the job any more."""
        ...

    def impossible(self, job: Job, error: RuntimeError) -> None:
        """The job has ended: no thread can be started for it, and none will come free."""
        ...

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Have the event loop call a function. Called on any thread.

        Raises:
            RuntimeError: the loop is closed.
        """
        ...


@dataclass(eq=False, slots=True, repr=False)
class Job:
    """One call of blocking user code.

    Parameters:
        leaf: whether its code cannot wait for other jobs: the body of a step or of a check.
        hosted: whether it may run on the stack of a blocked thread.

    Attributes:
        done: the outcome, for who waits for it; cancelled with that task.
        begun, over: resolved when the job has a thread, and when it has really ended, if anybody
            wants to know. One that never begins is over without.
        serving: the task on the event loop that the code is blocked on.
        waits: whether it has no host yet.
        running: whether the code runs, or will go on whatever becomes of other jobs.
        abandoned: nobody waits for the outcome any more, and durable calls inside refuse.
        generation: the pass of `Workers.catch_up` in which it went on; None while it is blocked.
        level: how many jobs are below it on its thread's stack.
    """

    leaf: bool = False
    hosted: bool = True
    owner: JobOwner = field(init=False)
    function: Callable[[], object] = field(init=False)
    finished: Callable[[Job, Host, CallOutcome], None] = field(init=False)
    done: asyncio.Future[CallOutcome] = field(init=False)
    begun: asyncio.Future[None] | None = None
    over: asyncio.Future[None] | None = None
    hosts: tuple[Host, ...] = ()
    serving: asyncio.Task[object] | None = None
    waits: bool = False
    running: bool = False
    abandoned: bool = False
    generation: int | None = None
    level: int = 0

    def perform(self, host: Host) -> None:
        """Run on the calling thread."""
        around, _here.job = running_job(), self
        # Given up between the hand-over and here, it never begins.
        outcome = CallOutcome(None) if self.abandoned else CallOutcome.of(self.function)
        _here.job = around
        # An abandoned job may outlive its loop.
        with contextlib.suppress(RuntimeError):
            self.owner.call_soon(self.finished, self, host, outcome)


def running_job() -> Job | None:
    """The job that the calling thread runs."""
    job: Job | None = getattr(_here, "job", None)
    return job


def resolve(future: asyncio.Future[None] | None) -> None:
    """Tell who waits for a future, if anybody does."""
    if future is not None and not future.done():
        future.set_result(None)
