"""The pool's invariants, whatever the order in which jobs come, block, end, or are given up.

No thread runs here: the machine plays the threads' part, one step at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aws_durable_execution_sdk_python._kernel import workers
from aws_durable_execution_sdk_python._kernel.jobs import CallOutcome, Host, Job
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool


class Owner:
    """An invocation that notes what it is told."""

    def __init__(self) -> None:
        self.ends: list[Job] = []
        self.impossibles: list[Job] = []

    def begun(self, job: Job) -> None:
        assert job not in self.ends

    def ended(self, job: Job, outcome: CallOutcome) -> None:
        self.ends.append(job)

    def impossible(self, job: Job, error: RuntimeError) -> None:
        self.impossibles.append(job)
        self.ends.append(job)

    def call_soon(self, function: Callable[..., object], *args: Any) -> None:
        function(*args)


class PoolMachine(RuleBasedStateMachine):
    """Threads, and the code on their stacks."""

    @initialize(
        threads=st.integers(1, 3), share=st.sampled_from([1, 2, 8]), may_run_out=st.booleans()
    )
    def set_bounds(self, threads: int, share: int, may_run_out: bool) -> None:
        workers.MAX_THREADS, workers.LEAF_SHARE = threads, share
        self.may_run_out = may_run_out
        self.pool, self.owner = ThreadPool(self.start), Owner()
        self.threads: list[Host] = []
        self.blocked: list[Host] = []  # and not released
        self.jobs: list[Job] = []
        self.let_go: dict[Host, Job | None] = {}  # what each was doing when it was let go
        self.started_beyond_bound = 0
        self.above: dict[Job, tuple[Host, ...]] = {}  # hosted or not
        # Whether the last attempt to start a thread succeeded, and whether all did.
        self.can_start = self.could_start = self.could_always_start = True
        self.rescuing = False

    def start(self, host: Host) -> None:
        if not self.can_start:
            self.could_start = self.could_always_start = False
            raise RuntimeError("can't start new thread")
        if self.rescuing or self.pool.size >= self.bound_of_all:
            assert self.rescuing or not self.leaves_that_run()
            self.started_beyond_bound += 1
        self.threads.append(host)

    # -- what the machine knows --------------------------------------------------------------

    @property
    def bound_of_all(self) -> int:
        return workers.MAX_THREADS + workers.MAX_THREADS // workers.LEAF_SHARE

    def hosts(self) -> list[Host]:
        return [*self.threads, *self.blocked, *self.let_go]

    def alive(self) -> list[Job]:
        return [job for job in self.jobs if job not in self.owner.ends]

    def host_of(self, job: Job) -> Host | None:
        hosts = {id(h): h for h in self.hosts() if h.job is job}
        assert len(hosts) <= 1
        return next(iter(hosts.values()), None)

    def is_blocked(self, job: Job) -> bool:
        """Whether its code waits, or would go on but for the job on its stack."""
        busy = [h for h in self.let_go if h.blocked is not None and h.job is not None]
        return any(h.blocked is job for h in [*self.blocked, *busy])

    def executing(self) -> list[Job]:
        return [j for j in self.alive() if self.host_of(j) and not self.is_blocked(j)]

    def leaves_that_run(self) -> list[Job]:
        return [job for job in self.executing() if job.leaf and not job.abandoned]

    # -- what can happen ---------------------------------------------------------------------

    @rule(leaf=st.booleans())
    def submit(self, leaf: bool) -> None:
        self.add(Job(leaf=leaf), ())

    @precondition(lambda self: self.blocked)
    @rule(leaf=st.booleans(), limited=st.booleans(), data=st.data())
    def submit_below(self, leaf: bool, limited: bool, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(self.blocked[::-1]))
        assert host.blocked is not None
        job = Job(leaf=leaf, hosted=not (leaf and limited))
        self.add(job, (host, *self.above[host.blocked]))

    def add(self, job: Job, above: tuple[Host, ...]) -> None:
        job.owner, job.function = self.owner, lambda: None
        self.above[job] = above
        job.hosts = above if job.hosted else ()
        self.jobs.append(job)
        self.pool.submit(job)

    @precondition(lambda self: self.executing())
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(self.executing())))

    def end(self, job: Job) -> None:
        host = self.host_of(job)
        assert host is not None
        assert host.mailbox.get_nowait() is job
        self.could_start = True
        job.perform(host)

    @precondition(lambda self: any(not job.leaf for job in self.executing()))
    @rule(data=st.data())
    def block(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([job for job in self.executing() if not job.leaf]))
        self.blocked.append(Host(job))
        self.could_start = True
        self.pool.block(job)
        if job.abandoned:  # what it waits for was cancelled with it
            self.let(self.blocked[-1])

    @precondition(lambda self: self.blocked)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.let(data.draw(st.sampled_from(self.blocked)))

    def let(self, host: Host) -> None:
        self.blocked.remove(host)
        self.let_go[host] = host.job
        self.pool.release(host, CallOutcome(None))

    @precondition(lambda self: any(not job.abandoned for job in self.alive()))
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([job for job in self.alive() if not job.abandoned]))
        waited = job.waits
        self.could_start |= not waited  # else no other job gets a chance by it
        self.pool.abandon(job)
        assert (job in self.owner.ends) == waited

    @precondition(lambda self: self.may_run_out)
    @rule(can_start=st.booleans())
    def run_out_of_threads_or_not(self, can_start: bool) -> None:
        self.can_start = can_start

    @precondition(lambda self: not self.pool.running)
    @rule()
    def rescue(self) -> None:
        waits = self.pool.waiting
        self.rescuing = True
        assert self.pool.rescue() == waits
        self.rescuing = False

    @precondition(lambda self: any(host.is_idle for host in self.threads))
    @rule()
    def dismiss_idle(self) -> None:
        self.pool.dismiss_idle()

    # -- what holds --------------------------------------------------------------------------

    @invariant()
    def each_job_waits_or_has_a_host_or_has_ended_once(self) -> None:
        assert len(self.owner.ends) == len(set(map(id, self.owner.ends)))
        for job in self.jobs:
            places = [job.waits, self.host_of(job) is not None, job in self.owner.ends]
            assert places.count(True) == 1, places

    @invariant()
    def a_host_that_was_let_go_gets_no_job(self) -> None:
        assert all(host.job in (job, None) for host, job in self.let_go.items())

    @invariant()
    def the_bound_is_kept(self) -> None:
        assert self.pool.size <= self.bound_of_all + self.started_beyond_bound
        others = [h for h in self.threads if h.job is not None and not h.job.leaf]
        assert len(others) <= workers.MAX_THREADS + self.started_beyond_bound

    @invariant()
    def a_job_waits_only_where_no_host_above_is_idle_and_there_is_no_room(self) -> None:
        occupied = [host.job for host in self.threads if host.job is not None]
        others = sum(not job.leaf for job in occupied)
        for job in self.alive():
            assert not (job.waits and any(host.is_idle for host in job.hosts))
            if job.waits and self.could_always_start:
                full = len(occupied) >= self.bound_of_all
                assert full or (not job.leaf and others >= workers.MAX_THREADS)

    @invariant()
    def while_a_leaf_waits_another_runs(self) -> None:
        if any(job.waits and job.leaf for job in self.alive()):
            assert self.leaves_that_run() or (not self.could_start and self.pool.running)

    @invariant()
    def those_that_run_are_counted(self) -> None:
        assert self.pool.running == sum(not job.abandoned for job in self.executing())

    @invariant()
    def no_job_is_impossible_while_threads_can_be_started(self) -> None:
        assert not (self.owner.impossibles and self.could_always_start)

    def teardown(self) -> None:
        """Where blocked code waits for what is below it, everything ends without a rescue."""
        self.can_start = True
        while alive := self.alive():
            if executing := self.executing():
                self.end(executing[-1])
                continue
            awaited = {h for job in alive if not job.abandoned for h in self.above[job]}
            released = next(host for host in self.blocked if host not in awaited)
            self.let(released)
        assert self.pool.running == 0
        assert not self.pool.waiting


def test_the_pool_keeps_its_invariants(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set by the machine, restored here.
    monkeypatch.setattr(workers, "MAX_THREADS", workers.MAX_THREADS)
    monkeypatch.setattr(workers, "LEAF_SHARE", workers.LEAF_SHARE)
    run_state_machine_as_test(
        PoolMachine,
        settings=settings(
            max_examples=200, stateful_step_count=50, deadline=None, derandomize=True
        ),
    )
