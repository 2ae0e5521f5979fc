"""Worker threads for blocking user code: bounded, and never deadlocked by nesting.

A thread that is itself blocked on work below it (a blocking `parallel`, say) is a *host*: when
no thread is free, jobs below it run on the host's own stack. So every blocked call can always
move one of its own jobs, whatever the depth, and the bound holds for the whole process: a limiter
per call would multiply with nesting, a plain global one would deadlock.

The pool belongs to one invocation. Jobs are handed out on the event loop's thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EngineThread
from aws_durable_execution_sdk_python._kernel.inbox import Inbox

MAX_THREADS = 250
# How long a checkpoint waits for threads that were just let go to come with updates of their own.
CATCH_UP_SECONDS = 0.002


@dataclass(eq=False, slots=True)
class Stretch:
    """What a thread does from one contact with the event loop to the next.

    `generation` is None while the thread does nothing: blocked on the loop, or not begun.
    """

    generation: int | None = None


@dataclass(eq=False, slots=True)
class _Job:
    run: Callable[[], Any]
    done: asyncio.Future[Any]
    host: Host | None
    stretch: Stretch
    taken: bool = False
    result: Any = None
    error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self.result = self.run()
        except BaseException as error:
            self.error = error

    def settle(self) -> None:
        if self.done.cancelled():
            return
        if self.error is None:
            self.done.set_result(self.result)
        elif isinstance(self.error, StopIteration):
            # A future cannot hold StopIteration.
            self.done.set_exception(RuntimeError("user code raised StopIteration"))
        else:
            self.done.set_exception(self.error)
        self.error = None


@dataclass(eq=False, slots=True)
class Host:
    """A thread blocked until `release`; meanwhile it runs the jobs offered to it."""

    mailbox: SimpleQueue[Callable[[], None] | None] = field(default_factory=SimpleQueue)
    busy: bool = False
    waiting: deque[_Job] = field(default_factory=deque)
    value: Any = None
    error: BaseException | None = None

    def release(self, error: BaseException | None = None, value: Any = None) -> None:
        """Let the thread go on, with a value or an error. Called on the loop's thread."""
        self.error, self.value = error, value
        self.mailbox.put(None)

    def wait(self) -> Any:
        """Block the calling thread until released."""
        while (job := self.mailbox.get()) is not None:
            job()
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None
        return self.value


class Workers:
    """The worker threads of one invocation."""

    def __init__(self, inbox: Inbox) -> None:
        self._loop = asyncio.get_running_loop()
        self._inbox = inbox
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._backlog: deque[_Job] = deque()
        self._unfinished = 0
        self._queued = 0
        self._running = 0
        self._generation = 0
        self._awaited = 0
        self._caught_up = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def busy(self) -> bool:
        """Whether a thread runs, or a job is queued for one."""
        return self._running > 0 or self._queued > 0

    async def run(
        self,
        function: Callable[[], Any],
        host: Host | None = None,
        stretch: Stretch | None = None,
    ) -> Any:
        """Run a function in a worker thread, in a copy of the caller's context.

        A thread cannot be interrupted, so a cancellation of the caller takes effect when the
        function has returned: what it did is known by then. One that has not begun never does.
        """
        context = contextvars.copy_context()
        done = self._loop.create_future()
        job = _Job(lambda: context.run(function), done, host, stretch or Stretch())
        self._unfinished += 1
        self._drained.clear()
        self._dispatch(job)
        try:
            return await asyncio.shield(job.done)
        except asyncio.CancelledError:
            if job.taken:
                return await _outlast_cancellation(job.done)
            job.taken = True
            self._queued -= 1
            self._forget()
            raise

    # -- which threads are about to come back -------------------------------------------------

    def begin(self, stretch: Stretch) -> None:
        """A thread begins to run, or goes on."""
        self._running += 1
        self._awaited += 1
        stretch.generation = self._generation

    def end(self, stretch: Stretch) -> None:
        """A thread has come back: blocked on the loop, or done."""
        if stretch.generation is None:
            return
        self._running -= 1
        if stretch.generation == self._generation:
            self._awaited -= 1
            if not self._awaited:
                self._caught_up.set()
        stretch.generation = None

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
            async with asyncio.timeout(CATCH_UP_SECONDS):
                await self._caught_up.wait()
        except TimeoutError:
            self._generation += 1
            self._awaited = 0

    async def close(self) -> None:
        """Wait for every job, then for every thread."""
        await self._drained.wait()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    # -- handing out ------------------------------------------------------------------------

    def _dispatch(self, job: _Job) -> None:
        if self._free:
            self._free -= 1
            self._give(job)
        elif len(self._threads) < MAX_THREADS:
            self._start_thread()
            self._give(job)
        elif job.host is not None and not job.host.busy:
            self._offer(job, job.host)
        else:
            self._queued += 1
            self._backlog.append(job)
            if job.host is not None:
                job.host.waiting.append(job)

    def _give(self, job: _Job) -> None:
        job.taken = True
        self.begin(job.stretch)
        self._jobs.put(job)

    def _start_thread(self) -> None:
        thread = EngineThread(
            target=self._work, name=f"durable-worker-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._inbox.put(self._finished, job)

    def _offer(self, job: _Job, host: Host) -> None:
        host.busy = True
        job.taken = True
        self.begin(job.stretch)

        def run() -> None:
            job()
            self._inbox.put(self._finished_on_host, job, host)

        host.mailbox.put(run)

    def _finished(self, job: _Job) -> None:
        following = self._next(self._backlog)
        if following is not None:
            self._give(following)
        else:
            self._free += 1
        self._settle(job)

    def _finished_on_host(self, job: _Job, host: Host) -> None:
        host.busy = False
        following = self._next(host.waiting)
        if following is not None:
            self._offer(following, host)
        self._settle(job)

    def _settle(self, job: _Job) -> None:
        self.end(job.stretch)
        job.settle()
        self._forget()

    def _forget(self) -> None:
        self._unfinished -= 1
        if not self._unfinished:
            self._drained.set()

    def _next(self, queue: deque[_Job]) -> _Job | None:
        """The first job of a queue that no other thread has taken."""
        while queue:
            job = queue.popleft()
            if not job.taken:
                self._queued -= 1
                return job
        return None


async def _outlast_cancellation(done: asyncio.Future[Any]) -> Any:
    """Await a future to its end; the caller's cancellation is delivered at its next await."""
    while not done.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([done])
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()
    return done.result()
