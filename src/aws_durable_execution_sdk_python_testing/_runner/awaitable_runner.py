"""The runner for async tests: the same runner, each blocking method of which can be awaited.

Nothing is written twice: a twin runs the blocking method in a thread, so that the test's event loop
goes on meanwhile. A test that is cancelled leaves the thread; it ends when the runner is closed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import anyio.to_thread

from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._runner.function_runner import (
    DurableFunctionTestRunner,
)

P = ParamSpec("P")
R = TypeVar("R")


def _awaited(
    method: Callable[Concatenate[DurableFunctionTestRunner, P], R],
) -> Callable[Concatenate[AsyncDurableFunctionTestRunner, P], Coroutine[Any, Any, R]]:
    """The twin of a blocking method."""

    async def twin(self: AsyncDurableFunctionTestRunner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        call = functools.partial(method, self.blocking, *args, **kwargs)
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)

    functools.update_wrapper(twin, method)
    return twin


def _same(
    method: Callable[Concatenate[DurableFunctionTestRunner, P], R],
) -> Callable[Concatenate[AsyncDurableFunctionTestRunner, P], R]:
    """A method that does not block."""

    def call(self: AsyncDurableFunctionTestRunner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(self.blocking, *args, **kwargs)

    functools.update_wrapper(call, method)
    return call


class AsyncDurableFunctionTestRunner:
    """Runs a durable handler on a local service, for tests that are coroutines.

    Its methods are those of `DurableFunctionTestRunner`; those that wait are awaited: `run`,
    `wait_for_result`, `wait_for_callback`, `advance`, `pause_execution` and `explore_crashes`.

    Parameters:
        handler: the durable handler, `def` or `async def`.
        settings: as for `DurableFunctionTestRunner`.

    Attributes:
        blocking: the runner itself.

    Example:
        ```python
        async def test_an_order_is_approved():
            async with AsyncDurableFunctionTestRunner(handler) as runner:
                arn = runner.run_async(input={"amount": 20})
                callback_id = await runner.wait_for_callback(arn, "approval")
                runner.send_callback_success(callback_id, b"true")
                result = await runner.wait_for_result(arn)
            assert result.status == "SUCCEEDED"
        ```
    """

    def __init__(self, handler: Handler, **settings: Any) -> None:
        self.blocking = DurableFunctionTestRunner(handler, **settings)

    run = _awaited(DurableFunctionTestRunner.run)
    wait_for_result = _awaited(DurableFunctionTestRunner.wait_for_result)
    wait_for_callback = _awaited(DurableFunctionTestRunner.wait_for_callback)
    advance = _awaited(DurableFunctionTestRunner.advance)
    pause_execution = _awaited(DurableFunctionTestRunner.pause_execution)
    explore_crashes = _awaited(DurableFunctionTestRunner.explore_crashes)

    run_async = _same(DurableFunctionTestRunner.run_async)
    resume_execution = _same(DurableFunctionTestRunner.resume_execution)
    send_callback_success = _same(DurableFunctionTestRunner.send_callback_success)
    send_callback_failure = _same(DurableFunctionTestRunner.send_callback_failure)
    send_callback_heartbeat = _same(DurableFunctionTestRunner.send_callback_heartbeat)
    get_execution_history = _same(DurableFunctionTestRunner.get_execution_history)
    register_function = _same(DurableFunctionTestRunner.register_function)
    register_durable_function = _same(DurableFunctionTestRunner.register_durable_function)
    mock_step = _same(DurableFunctionTestRunner.mock_step)
    mock_invoke = _same(DurableFunctionTestRunner.mock_invoke)
    close = _same(DurableFunctionTestRunner.close)

    async def __aenter__(self) -> Self:
        self.blocking.__enter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.blocking.__exit__(exc_type, exc, traceback)
