"""The event loop of an execution environment, kept warm from invocation to invocation.

One `asyncio.Runner` per environment, so that the service client, its TLS connections and the
user's own module-level async clients survive. Lambda runs one invocation at a time; a test runner
may run several, and each concurrent one gets an environment of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import gc
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient

# What may be spent in Lambda's init phase, of its ten seconds, on waiting for others.
WARM_UP_SECONDS = 2.0


class Environment:
    """An event loop, and the default service client and worker threads that belong to it."""

    def __init__(self) -> None:
        # Whatever the process's policy: suspension relies on what this loop counts.
        self._runner = asyncio.Runner(loop_factory=EventLoop)
        self._client: Any = None
        self.threads = ThreadPool()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run one invocation in the caller's context."""
        return self._runner.run(coroutine, context=contextvars.copy_context())

    async def default_client(self) -> DurableServiceClient:
        """The client made from the process's environment, once per event loop."""
        if self._client is None:
            from aws_durable_execution_sdk_python._service.default import default_client

            with _collector_paused():
                self._client = await default_client().open()
        client: DurableServiceClient = self._client
        return client

    async def warm_up(self) -> None:
        """Open the default client, and have it do ahead what its first call would.

        Raises:
            TimeoutError: it takes longer than `WARM_UP_SECONDS`, as where the credentials or the
                service do not answer.
        """
        async with asyncio.timeout(WARM_UP_SECONDS):
            await self.default_client()
            await self._client.warm_up()

    def close(self) -> None:
        self._end_tasks()
        self.threads.close()
        if self._client is not None:
            self._runner.run(self._client.aclose())
        self._runner.close()

    def _end_tasks(self) -> None:
        """Cancel what is left in the loop, once, and let it clean up to its end.

        Each task that raises SystemExit stops the loop in the middle of the others' cleaning up.
        """
        loop = self._runner.get_loop()
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        ended = asyncio.gather(*tasks, return_exceptions=True)
        while not ended.done():
            with contextlib.suppress(KeyboardInterrupt, SystemExit):
                loop.run_until_complete(ended)


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector for as long as the AWS libraries are imported.

    They make some hundred thousand objects that stay: looking through them again and again takes
    a tenth of a cold start.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _freeze_once()
            gc.enable()


@functools.cache
def _freeze_once() -> None:
    """Do not look through the objects of the AWS libraries at each full collection.

    That would take 10 ms of every invocation that makes many objects of its own. Frozen are all
    objects there are by then, the user's modules and caches too. Those are freed as ever when
    the last reference goes; only cycles among them, of which a module has few, would stay for
    good. Hence once in a process: what later clients find is work under way.
    """
    gc.freeze()


_idle: list[Environment] = []
_lock = threading.Lock()

_logger = logging.getLogger(__name__)


def warm_up() -> None:
    """In Lambda's init phase, open the default service client before the first invocation.

    The phase has more CPU than most functions are given, and importing the AWS libraries takes a
    good part of a cold start. Nothing happens outside of Lambda; under SnapStart, where what is
    opened would wake up in many places with old credentials, the libraries are imported only.

    What fails here is left to the first invocation, which fails the same way and can say so; so
    is what takes longer than `WARM_UP_SECONDS`.
    """
    if os.environ.get("AWS_LAMBDA_RUNTIME_API") and not _is_loop_running():
        _warm_up_once()


@functools.cache
def _warm_up_once() -> None:
    """However many handlers a module defines: where it fails, it fails once, and waits once."""
    from aws_durable_execution_sdk_python._service.default import import_libraries

    try:
        with _collector_paused():
            import_libraries()
            if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
                run_in_environment(Environment.warm_up)
    except Exception:
        _logger.debug("the service client could not be opened ahead", exc_info=True)


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_in_environment(main: Callable[[Environment], Coroutine[Any, Any, Any]]) -> Any:
    """Run an invocation in an idle environment, or in a new one.

    Called from inside a running event loop (pytest-asyncio, a notebook), a fresh thread runs it.
    """
    if _is_loop_running():
        return _in_fresh_thread(lambda: _run(main))
    return _run(main)


def _run(main: Callable[[Environment], Coroutine[Any, Any, Any]]) -> Any:
    with _lock:
        environment = _idle.pop() if _idle else None
    if environment is None:
        environment = Environment()
    try:
        result = environment.run(main(environment))
    except (KeyboardInterrupt, SystemExit):
        # These leave the loop from wherever it was: what is left in it must not be met again.
        environment.close()
        raise
    except BaseException:
        _give_back(environment)
        raise
    _give_back(environment)
    return result


def _give_back(environment: Environment) -> None:
    with _lock:
        for other in _idle:
            other.threads.dismiss_idle()  # the process has one full set at most
        _idle.append(environment)


def _in_fresh_thread(function: Callable[[], Any]) -> Any:
    outcome: list[Any] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.append(context.run(function))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="durable-invocation")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]


def _leave_to_the_parent() -> None:
    """In a forked process, take environments of its own.

    Sockets and selectors of the others are the parent's, which goes on using them: they are not
    even closed here, which would say goodbye in its name. They stay referenced for that reason.
    """
    global _lock
    _of_the_parent.extend(_idle)
    _idle.clear()
    _lock = threading.Lock()


_of_the_parent: list[Environment] = []
os.register_at_fork(after_in_child=_leave_to_the_parent)


@atexit.register
def close_idle_environments() -> None:
    """Close the connections of the environments that wait for work."""
    with _lock:
        environments = _idle[:]
        _idle.clear()
    for environment in environments:
        environment.close()
