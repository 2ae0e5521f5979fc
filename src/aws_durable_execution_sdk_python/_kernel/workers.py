"""The worker threads of an execution environment: bounded, and never deadlocked by nesting.

What holds after every call of a `ThreadPool`, all of which are made on the event loop's thread:

1. A job that was submitted and has not ended waits, or one host has it. Each ends once.
2. A host has one job at a time. One that was let go gets none, and what waited for it waits for
   any other.
3. Jobs that are no leaves occupy at most `MAX_THREADS` threads; with leaves it may be a few more,
   so that these go on side by side where all other threads are blocked on them.
4. A job waits only while every host above it is busy, and (3) leaves no room or no thread can be
   started though something runs.
5. While a leaf waits, another one runs: else a thread is started whatever the bound says. It comes
   to its end by itself and takes the next, so leaves are never stuck.
6. The innermost host of a blocked thread has no job, so by (4) nothing right below it waits: by
   induction over the depth, nesting is never stuck. Dependencies that user code makes between
   branches are not known here: when nothing else can run, `rescue` starts a thread whatever the
   bound says.
7. Of the hosts above a job the one is taken whose thread has the fewest jobs on its stack: deep
   nesting is spread over all threads, whose stacks are bounded too.
8. A job abandoned while it runs no longer counts as running, but keeps its thread, which counts
   until the job really ends. One under a time limit is not hosted: its host would be lost with it.

Not anyio.to_thread: it cannot run a job on the stack of a thread that is blocked, so that branches
over blocking steps deadlock once there are more than its limiter allows; and with
`abandon_on_cancel` a thread that runs on no longer counts, nor does anybody hear of its end. A call
costs 60 us of CPU there, 26 us here.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable

from aws_durable_execution_sdk_python._kernel.jobs import CallOutcome, Host, Job, resolve
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

MAX_THREADS = 250
# Leaves may have one thread more for so many of those.
LEAF_SHARE = 8

_numbers = itertools.count(1)


def start_daemon(host: Host) -> None:
    """Start a thread that serves a host; if it never ends it does not keep the process alive."""
    name = f"durable-worker-{next(_numbers)}"
    EngineThread(target=host.serve, name=name, daemon=True).start()


class ThreadPool:
    """The threads of one environment, and the jobs that wait for one.

    Parameters:
        start: starts a thread that serves a host.

    Attributes:
        running: how many jobs run, or will go on whatever becomes of others.
    """

    def __init__(self, start: Callable[[Host], object] = start_daemon) -> None:
        self._start = start
        self._threads: set[Host] = set()
        self._free: list[Host] = []
        self._leaves: OrderedDict[Job, None] = OrderedDict()
        self._others: OrderedDict[Job, None] = OrderedDict()
        self._occupied_by_others = 0
        self._leaves_running = 0
        self.running = 0

    @property
    def size(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    @property
    def waiting(self) -> bool:
        """Whether a job waits."""
        return bool(self._leaves or self._others)

    # -- jobs -------------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Run a job as soon as there is a host for it."""
        job.finished = self._finished
        self._wait(job)
        self._place(job)

    def abandon(self, job: Job) -> None:
        """Give up a job that has not ended. If it waits, it never begins."""
        if job.waits:
            self._take(job)
            job.owner.ended(job, CallOutcome(None))
            return
        job.abandoned = True
        if job.serving is not None:
            job.serving.cancel()
        self._stop(job)
        self._hand_out()

    def block(self, job: Job) -> None:
        """A job's code waits for other code, until its host is released."""
        self._stop(job)
        self._hand_out()

    def release(self, host: Host, outcome: CallOutcome) -> None:
        """Let a blocked thread go on, once it has ended the job it may have."""
        host.open = False
        host.waiting.clear()
        host.outcome = outcome
        if host.job is None and host.blocked is not None:
            self._run(host.blocked)
        host.mailbox.put(None)

    def rescue(self) -> bool:
        """Start a thread for a job that waits, if there is one, whatever the bound says."""
        job = next(iter(self._leaves or self._others), None)
        if job is None:
            return False
        self._take(job)
        try:
            self._give(job, self._new_thread())
        except RuntimeError as error:
            job.owner.impossible(job, error)
        return True

    # -- threads ----------------------------------------------------------------------------

    def dismiss_idle(self) -> None:
        """Let go of the threads that have nothing to do."""
        while self._free:
            self._dismiss(self._free.pop())

    def close(self) -> None:
        """Let go of all threads, of those that run after their job. Nobody waits for them."""
        self._free.clear()
        for host in list(self._threads):
            self._dismiss(host)

    def _dismiss(self, host: Host) -> None:
        self._threads.discard(host)
        host.open = False
        host.mailbox.put(None)

    def _new_thread(self) -> Host:
        host = Host()
        self._start(host)
        self._threads.add(host)
        return host

    # -- handing out ------------------------------------------------------------------------

    def _place(self, job: Job) -> bool:
        """Give a waiting job to a host; whether it waits no more."""
        try:
            host = self._host_for(job)
        except RuntimeError as error:
            self._take(job)
            job.owner.impossible(job, error)
            return True
        if host is None:
            return False
        self._take(job)
        self._give(job, host)
        return True

    def _host_for(self, job: Job) -> Host | None:
        """A host that can have a job now, if there is one.

        Raises:
            RuntimeError: no thread can be started, and none will come free.
        """
        idle = (host for host in job.hosts if host.is_idle)
        above = min(idle, key=_level, default=None)
        only_way = above is None and job.leaf and not self._leaves_running
        if not (self._has_room(job) or only_way):
            return above
        if self._free:
            return self._free.pop()
        try:
            return self._new_thread()
        except RuntimeError:
            if above is None and not self.running:
                raise
            return above

    def _has_room(self, job: Job) -> bool:
        if len(self._threads) - len(self._free) >= _bound_of_all():
            return False
        return job.leaf or self._occupied_by_others < MAX_THREADS

    def _give(self, job: Job, host: Host) -> None:
        host.job = job
        job.level = host.level
        if host.blocked is None and not job.leaf:
            self._occupied_by_others += 1
        self._run(job)
        resolve(job.begun)
        host.mailbox.put(job)

    def _finished(self, job: Job, host: Host, outcome: CallOutcome) -> None:
        host.job = None
        if host.blocked is None:
            self._occupied_by_others -= not job.leaf
            if host.open:
                self._free.append(host)
        elif not host.open:
            self._run(host.blocked)
        else:
            while host.is_idle and host.waiting:
                self._place(next(iter(host.waiting)))
        self._stop(job)
        self._hand_out()
        if len(self._threads) > _bound_of_all() and self._free:
            self._dismiss(self._free.pop())
        job.owner.ended(job, outcome)

    def _hand_out(self) -> None:
        """Give the jobs that wait what has come free, leaves first: others wait for those."""
        for queue in (self._leaves, self._others):
            while queue and self._place(next(iter(queue))):
                pass

    # -- who waits, who runs ----------------------------------------------------------------

    def _wait(self, job: Job) -> None:
        job.waits = True
        (self._leaves if job.leaf else self._others)[job] = None
        for host in job.hosts:
            if host.open:
                host.waiting[job] = None

    def _take(self, job: Job) -> None:
        """Out of every queue a job waits in."""
        job.waits = False
        del (self._leaves if job.leaf else self._others)[job]
        for host in job.hosts:
            host.waiting.pop(job, None)

    def _run(self, job: Job) -> None:
        if job.abandoned:
            return
        job.owner.begun(job)
        if not job.running:
            job.running = True
            self.running += 1
            self._leaves_running += job.leaf

    def _stop(self, job: Job) -> None:
        if job.running:
            job.running = False
            self.running -= 1
            self._leaves_running -= job.leaf


def _level(host: Host) -> int:
    return host.level


def _bound_of_all() -> int:
    return MAX_THREADS + MAX_THREADS // LEAF_SHARE
