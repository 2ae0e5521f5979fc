"""The environments of a process: one for each invocation that runs at the same time.

- An environment runs one invocation at a time, on whichever thread, and is idle in between.
- Lambda runs one invocation at a time, so there is one; a test runner may run several.
- One that an invocation has left in the middle of things is closed, and never used again.
- A forked process uses none of its parent's.
- The end of the process waits for nobody longer than `EXIT_SECONDS`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

T = TypeVar("T")

EXIT_SECONDS = 5.0

_idle: list[Environment] = []
_lock = threading.Lock()
# Never closed, and kept so that nothing of them is collected: see `_leave_to_the_parent`.
_of_the_parent: list[Environment] = []


def run_in_environment(main: Callable[[Environment], Op[T]]) -> T:
    """Run an invocation in an idle environment, or in a new one.

    Called from inside a running event loop (pytest-asyncio, a notebook), a fresh thread runs it.
    """
    if is_loop_running():
        return _in_fresh_thread(lambda: _run(main))
    return _run(main)


def is_loop_running() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(main: Callable[[Environment], Op[T]]) -> T:
    with _lock:
        environment = _idle.pop() if _idle else None
    if environment is None:
        environment = Environment()
    try:
        return environment.run(main)
    finally:
        if not environment.is_closed:
            _give_back(environment)


def _give_back(environment: Environment) -> None:
    with _lock:
        for other in _idle:
            other.threads.dismiss_idle()  # the process has one full set at most
        _idle.append(environment)


def _in_fresh_thread(function: Callable[[], T]) -> T:
    outcome: list[T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.append(context.run(function))
        except BaseException as error:
            errors.append(error)

    # A daemon: if waiting for it is interrupted, it does not keep the process alive.
    thread = EngineThread(target=run, name="durable-invocation", daemon=True)
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


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_leave_to_the_parent)


@atexit.register
def close_idle_environments() -> None:
    """Close the connections of the environments that wait for work."""
    if is_loop_running():
        _in_fresh_thread(_close_idle)
    else:
        _close_idle()


def _close_idle() -> None:
    with _lock:
        environments = _idle[:]
        _idle.clear()
    limit = time.monotonic() + EXIT_SECONDS
    for environment in environments:
        environment.close(limit - time.monotonic())
