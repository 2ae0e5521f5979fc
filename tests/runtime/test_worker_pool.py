"""The pool of threads, with real threads and without."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from aws_durable_execution_sdk_python._kernel import workers as pool_module
from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.invocation_workers import Workers
from aws_durable_execution_sdk_python._kernel.jobs import Host, Job
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool, start_daemon
from aws_durable_execution_sdk_python.exceptions import InvocationError, SuspendExecution


def workers_of(pool: ThreadPool, failures: list[InvocationError] | None = None) -> Workers:
    """The view of an invocation."""
    return Workers(
        pool,
        Inbox(asyncio.get_running_loop()),
        tuning=Tuning(),
        on_failure=(failures if failures is not None else []).append,
    )


class Gate:
    """Blocks a thread until opened; the loop can wait for the thread to come."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reached, self._open = asyncio.Event(), threading.Event()

    def pass_through(self) -> None:
        self._loop.call_soon_threadsafe(self._reached.set)
        assert self._open.wait(60)

    async def reached(self) -> None:
        await self._reached.wait()

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "MAX_THREADS", 1)


async def test_the_thread_that_came_free_last_is_used_first() -> None:
    pool = ThreadPool()
    workers = workers_of(pool)
    first = await workers.run(threading.get_ident)
    again = [(await workers.run(threading.get_ident)).get() for _ in range(3)]
    assert set(again) == {first.get()}
    assert pool.size == 1
    pool.close()


async def test_threads_serve_one_invocation_after_another() -> None:
    pool = ThreadPool()
    idents = set()
    for _ in range(3):
        workers = workers_of(pool)
        idents.add((await workers.run(threading.get_ident)).get())
        await workers.join()
        assert workers.close() == 0
    assert len(idents) == 1
    pool.close()


async def test_threads_end_with_their_pool() -> None:
    pool = ThreadPool()
    thread = (await workers_of(pool).run(threading.current_thread)).get()
    pool.close()
    await asyncio.to_thread(thread.join, 60)
    assert not thread.is_alive()
    assert thread.daemon


async def test_a_pool_waits_for_the_jobs_of_its_own_invocation_only() -> None:
    pool = ThreadPool()
    earlier, later, gate = workers_of(pool), workers_of(pool), Gate()
    stuck = earlier.start(gate.pass_through, Job())
    await gate.reached()
    assert earlier.close() == 1
    await later.run(lambda: None)
    await later.join()
    assert stuck.abandoned
    gate.open()
    await earlier.join()
    pool.close()


# ---------------------------------------------------------------------------- cancellation


async def test_a_cancelled_wait_ends_at_once_and_the_job_is_joined_later() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()
    waiting = asyncio.create_task(workers.run(gate.pass_through))
    await gate.reached()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not workers.busy
    joining = asyncio.create_task(workers.join())
    await asyncio.sleep(0)
    assert not joining.done()
    gate.open()
    await joining
    pool.close()


@pytest.mark.usefixtures("one_thread")
async def test_a_job_that_is_cancelled_before_it_begins_never_does() -> None:
    pool = ThreadPool()
    workers, gate, ran = workers_of(pool), Gate(), list[int]()
    first = asyncio.create_task(workers.run(gate.pass_through, Job()))
    await gate.reached()
    second = asyncio.create_task(workers.run(lambda: ran.append(2), Job()))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.open()
    await first
    await workers.join()
    assert not ran
    pool.close()


async def test_a_scope_of_anyio_knows_its_cancellation() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(workers.run, gate.pass_through)
            await gate.reached()
            scope.cancel()
    assert scope.cancelled_caught
    gate.open()
    await workers.join()
    pool.close()


async def test_a_timeout_of_asyncio_knows_its_cancellation() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()

    async def limited() -> None:
        async with asyncio.timeout(None) as limit:
            running = asyncio.ensure_future(gate.reached())
            running.add_done_callback(lambda _: limit.reschedule(0))
            await workers.run(gate.pass_through)

    with pytest.raises(TimeoutError):
        await limited()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    gate.open()
    await workers.join()
    pool.close()


# -------------------------------------------------------------------------------- outcomes


async def test_a_cancelled_error_of_the_code_is_not_the_waiting_tasks() -> None:
    pool = ThreadPool()

    def cancelled() -> None:
        raise asyncio.CancelledError("its own loop")

    outcome = await workers_of(pool).run(cancelled)
    assert isinstance(outcome.error, asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        outcome.get()
    pool.close()


async def test_stop_iteration_is_an_outcome_as_any() -> None:
    pool = ThreadPool()

    def stop() -> None:
        raise StopIteration(1)

    outcome = await workers_of(pool).run(stop)
    assert isinstance(outcome.error, StopIteration)
    pool.close()


async def test_a_coroutine_that_nobody_will_await_is_closed() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()
    made = []

    async def later() -> None: ...

    def make() -> Any:
        gate.pass_through()
        made.append(later())
        return made[0]

    waiting = asyncio.create_task(workers.run(make))
    await gate.reached()
    waiting.cancel()
    gate.open()
    await workers.join()
    assert made[0].cr_frame is None
    pool.close()


# -------------------------------------------------------------------- threads that cannot start


class Machine:
    """Starts so many threads, then no more."""

    def __init__(self, threads: int) -> None:
        self.left = threads

    def start(self, host: Host) -> None:
        if not self.left:
            raise RuntimeError("can't start new thread")
        self.left -= 1
        start_daemon(host)


async def test_without_any_thread_the_invocation_fails() -> None:
    pool, failures = ThreadPool(Machine(0).start), list[InvocationError]()
    workers = workers_of(pool, failures)
    outcome = await workers.run(lambda: 1)
    assert isinstance(outcome.error, SuspendExecution)
    (failure,) = failures
    assert failure.is_retryable()
    assert "no thread can be started" in str(failure)
    assert "can't start new thread" in str(failure)
    await workers.join()
    assert (pool.running, pool.waiting, workers.busy) == (0, False, False)


async def test_a_job_waits_for_a_thread_that_will_come_free() -> None:
    pool, failures = ThreadPool(Machine(1).start), list[InvocationError]()
    workers, gate = workers_of(pool, failures), Gate()
    first = asyncio.create_task(workers.run(gate.pass_through))
    await gate.reached()
    second = asyncio.create_task(workers.run(lambda: 2))
    await asyncio.sleep(0)
    assert pool.waiting
    gate.open()
    await first
    assert (await second).get() == 2
    assert not failures
    pool.close()


# --------------------------------------------------------------------------- blocked threads


def blocked_on(workers: Workers, job: Job) -> Host:
    """The host of a job whose code is blocked."""
    host = Host(job)
    workers.blocked(job)
    return host


@pytest.mark.usefixtures("one_thread")
async def test_a_rescue_starts_a_thread_beyond_the_bound() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()
    job = workers.start(gate.pass_through, Job())
    await gate.reached()
    blocked_on(workers, job)
    other = asyncio.create_task(workers.run(lambda: "ran", Job()))
    await asyncio.sleep(0)
    assert pool.waiting
    assert workers.rescue()
    assert (await other).get() == "ran"
    assert not workers.rescue()
    gate.open()
    await workers.join()
    pool.close()


@pytest.mark.usefixtures("one_thread")
async def test_a_leaf_gets_a_thread_where_all_the_others_are_blocked() -> None:
    pool = ThreadPool()
    workers, gate = workers_of(pool), Gate()
    job = workers.start(gate.pass_through, Job())
    await gate.reached()
    blocked_on(workers, job)
    assert (await workers.run(lambda: "ran", Job(leaf=True, hosted=False))).get() == "ran"
    assert pool.size == 1  # the second one was let go after its job
    gate.open()
    await workers.join()
    pool.close()


def test_a_host_takes_the_next_job_below_it_whoever_came_first() -> None:
    """Jobs that wait for any thread, and came before, do not keep it from that."""
    performed: list[str] = []

    class Owner:
        def begun(self, job: Job) -> None: ...
        def ended(self, job: Job, outcome: Any) -> None: ...
        def impossible(self, job: Job, error: RuntimeError) -> None: ...
        def call_soon(self, function: Callable[..., object], *args: Any) -> None:
            function(*args)

    def job(name: str, *hosts: Host) -> Job:
        made = Job(hosts=hosts)
        made.owner, made.function = Owner(), lambda: performed.append(name)
        return made

    pool = ThreadPool(lambda host: None)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(pool_module, "MAX_THREADS", 1)
    above = job("above")
    pool.submit(above)
    host = Host(above)
    pool.block(above)
    for waiting in (job("first", host), job("elsewhere"), job("second", host)):
        pool.submit(waiting)
    for _ in range(2):
        given = host.mailbox.get_nowait()
        assert given is not None
        given.perform(host)
    monkey.undo()
    assert performed == ["first", "second"]
