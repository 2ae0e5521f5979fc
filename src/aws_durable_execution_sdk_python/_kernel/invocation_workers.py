"""The jobs of one invocation: what it waits for before it suspends, checkpoints and ends.

The pool and its threads outlive it. A job that is still running when the invocation is over
belongs to nobody: it keeps its thread until it ends, and that is all.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from functools import partial

from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.jobs import HOSTS, CallOutcome, Host, Job, resolve
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool
from aws_durable_execution_sdk_python.exceptions import InvocationError, SuspendExecution


class Workers:
    """The jobs of one invocation in its environment's pool.

    Parameters:
        on_failure: called when the invocation cannot go on.
    """

    def __init__(
        self,
        pool: ThreadPool,
        inbox: Inbox,
        *,
        tuning: Tuning,
        on_failure: Callable[[InvocationError], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self.call_soon = inbox.put
        self._catch_up_seconds = tuning.catch_up_seconds
        self._on_failure = on_failure
        self._jobs: set[Job] = set()
        self._running = 0
        self._generation = 0
        self._awaited = 0
        self._caught_up = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a thread runs code that somebody waits for."""
        return self._running > 0

    @property
    def has_jobs(self) -> bool:
        """Whether a job has not ended, be it one that was abandoned."""
        return bool(self._jobs)

    async def run(self, function: Callable[[], object], job: Job | None = None) -> CallOutcome:
        """Run a function in a worker thread, in a copy of the caller's context.

        Cancelled, it ends at once: the job never begins, or is abandoned.
        """
        job = self.start(function, job or Job(leaf=True))
        try:
            return await job.done
        except BaseException:
            self.abandon(job)
            raise

    def start(self, function: Callable[[], object], job: Job) -> Job:
        """Submit a job, whose `done` will tell the outcome."""
        if self._closed:
            raise SuspendExecution("the invocation is ending")
        job.owner = self
        job.function = partial(contextvars.copy_context().run, function)
        job.done = self._loop.create_future()
        if job.hosted:
            job.hosts = HOSTS.get()
        self._jobs.add(job)
        self._drained.clear()
        self._pool.submit(job)
        return job

    def abandon(self, job: Job) -> None:
        """Give up a job: its outcome, there already or not, is wanted no more."""
        if job.done.done() and not job.done.cancelled():
            _discard(job.done.result())
        elif job in self._jobs and not job.abandoned:
            job.done.cancel()
            self._pool.abandon(job)
            self.paused(job)

    def rescue(self) -> bool:
        """When nothing else can run: whether a job waited, for which a thread was now started."""
        return not self._closed and self._pool.rescue()

    def leave(self, job: Job) -> None:
        """Do not wait for an abandoned job at the end of the invocation."""
        self._jobs.discard(job)
        if not self._jobs:
            self._drained.set()

    async def join(self) -> None:
        """Wait for the end of every job, abandoned ones included."""
        await self._drained.wait()

    def close(self) -> int:
        """Leave what still runs to itself; returns how many jobs those are."""
        self._closed = True
        for job in list(self._jobs):
            self.abandon(job)
        return len(self._jobs)

    # -- what threads tell -------------------------------------------------------------------

    def blocked(self, job: Job) -> None:
        """A job's code waits for other code, until its host is released."""
        self.paused(job)
        self._pool.block(job)

    def release(self, host: Host, error: BaseException | None = None, value: object = None) -> None:
        """Let a blocked thread go on, with a value or an error."""
        self._pool.release(host, CallOutcome(error, value))

    def ended(self, job: Job, outcome: CallOutcome) -> None:
        self.paused(job)
        if not job.done.done():
            job.done.set_result(outcome)
        else:
            _discard(outcome)
        self.leave(job)
        resolve(job.begun)
        resolve(job.over)

    def impossible(self, job: Job, error: RuntimeError) -> None:
        failure = InvocationError(f"no thread can be started for blocking code: {error}")
        failure.__cause__ = error
        self._on_failure(failure)
        self.ended(job, CallOutcome(SuspendExecution("the invocation is ending")))

    # -- which threads are about to come back ------------------------------------------------

    def begun(self, job: Job) -> None:
        if job.generation is None:
            self._running += 1
            self._awaited += 1
            job.generation = self._generation

    def paused(self, job: Job) -> None:
        """A thread has come back: it waits for the event loop, or its job has ended."""
        if job.generation is None:
            return
        self._running -= 1
        if job.generation == self._generation:
            self._awaited -= 1
            if not self._awaited:
                self._caught_up.set()
        job.generation = None

    async def catch_up(self) -> None:
        """Wait, briefly, for the threads that were let go since they were last waited for.

        What an event loop's pass is for tasks: siblings that run short code share a checkpoint,
        and always the same siblings do. A thread that is not back in time runs longer code, and
        is not waited for again.
        """
        if not self._awaited:
            return
        self._caught_up.clear()
        try:
            async with asyncio.timeout(self._catch_up_seconds):
                await self._caught_up.wait()
        except TimeoutError:
            self._generation += 1
            self._awaited = 0


def _discard(outcome: CallOutcome) -> None:
    if inspect.iscoroutine(outcome.value):
        outcome.value.close()  # nobody will await it
