"""The functions of the user's, with their plugins told when each begins and ends.

Hooks run in the very context that the function runs in, since plugins bind what it is to see there
and unbind it afterwards. A `def` in a worker thread that gives an awaitable goes on elsewhere: what
it gives is driven in the context in which it was made.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

from aws_durable_execution_sdk_python._core.error_texts import text_of, type_name
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import ErrorObject, OperationType, Status
from aws_durable_execution_sdk_python._core.running import drive
from aws_durable_execution_sdk_python._core.user_functions import is_async, is_awaitable
from aws_durable_execution_sdk_python._kernel.invocation_task import own_context
from aws_durable_execution_sdk_python._kernel.origin import context_of
from aws_durable_execution_sdk_python._kernel.plugin_calls import PluginCalls, Settle
from aws_durable_execution_sdk_python.plugin import (
    UserFunctionEndInfo,
    UserFunctionOutcome,
    UserFunctionStartInfo,
)

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Where:
    """Where the code runs that a hook is about.

    Attributes:
        settle: waits for what a hook gives that is about a flow of control on the event loop, told
            the context of that.
        block: does so for what runs in a thread, in a context of the hooks' own.
        is_cut_off: told what a body raised: whether that is because nobody waits for it any more.
        thread: the one whose context is that of the code around; None where that is a task, so that
            each `def` runs elsewhere, in a context that nobody looks at afterwards.
        finish: awaits what a `def` gives that has run in that thread.
    """

    settle: Callable[[Context, Awaitable[Any]], Awaitable[Any]]
    block: Callable[[Context, Awaitable[Any]], Awaitable[Any]]
    is_cut_off: Callable[[BaseException], bool]
    thread: int | None = None
    finish: Callable[[Awaitable[Any]], Any] | None = None


class ObservedBody:
    """One run of a function of the user's.

    Parameters:
        calls: the plugins.
        where: where it runs.
        make_info: makes what is told of its beginning.
    """

    def __init__(
        self, calls: PluginCalls, where: Where, make_info: Callable[[], UserFunctionStartInfo]
    ) -> None:
        self._calls = calls
        self._where = where
        self._make_info = make_info

    def around(self, function: F) -> F:
        """The function of a step or a check."""
        if is_async(function):

            async def run(*args: object) -> object:
                settle = partial(self._where.settle, own_context())
                return await self.run(lambda: function(*args), settle)

            return cast(F, run)

        def run_here(*args: object) -> object:
            if threading.get_ident() == self._where.thread:
                return self._run_blocking(None, function, args)
            context = copy_context()
            return context.run(self._run_blocking, context, function, args)

        return cast(F, run_here)

    async def run(self, make: Callable[[], Awaitable[T]], settle: Settle) -> T:
        """Await what a function makes.

        Parameters:
            settle: waits for what a hook gives.
        """
        info = self._make_info()
        await self._begins(info, settle)
        return await self._goes_on(info, make, settle)

    async def _goes_on(
        self, info: UserFunctionStartInfo, make: Callable[[], Awaitable[T]], settle: Settle
    ) -> T:
        try:
            result = await make()
        except GeneratorExit as error:
            await self._ends(info, error, _not_awaited)
            raise
        except BaseException as error:
            await self._ends(info, error, settle)
            raise
        await self._ends(info, None, settle)
        return result

    def _run_blocking(
        self, context: Context | None, function: Callable[..., object], args: tuple[object, ...]
    ) -> object:
        own = context_of(None)
        info, block = self._make_info(), partial(self._where.block, own)
        drive(self._begins(info, block))
        try:
            result = function(*args)
            if context is None and self._where.finish is not None and is_awaitable(result):
                result = self._where.finish(result)
        except BaseException as error:
            drive(self._ends(info, error, block))
            raise
        if context is not None and is_awaitable(result):
            settle = partial(self._where.settle, own)
            return _Within(context, self._goes_on(info, lambda: result, settle))
        drive(self._ends(info, None, block))
        return result

    async def _begins(self, info: UserFunctionStartInfo, settle: Settle) -> None:
        await self._calls.tell("on_user_function_start", info, settle)

    async def _ends(
        self, info: UserFunctionStartInfo, error: BaseException | None, settle: Settle
    ) -> None:
        if not self._calls.wants("on_user_function_end"):
            return
        told, outcome = None, UserFunctionOutcome.SUCCEEDED
        if error is not None and self._where.is_cut_off(error):
            outcome = UserFunctionOutcome.INCOMPLETE
        elif error is not None:
            told, outcome = described(error), UserFunctionOutcome.FAILED
        end = UserFunctionEndInfo.from_start_info(info, told, outcome=outcome)
        await self._calls.tell("on_user_function_end", end, settle)


class _Within(Awaitable[T]):
    """An awaitable, driven in a context of its own by whatever task awaits it."""

    def __init__(self, context: Context, awaitable: Awaitable[T]) -> None:
        self._context = context
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        run = self._context.run
        flow: Any = run(self._awaitable.__await__)
        step, given = flow.send, None
        while True:
            try:
                awaited = run(step, given)
            except StopIteration as stop:
                return cast(T, stop.value)
            try:
                step, given = flow.send, (yield awaited)
            except BaseException as error:
                step, given = flow.throw, error


async def _not_awaited(given: Awaitable[Any]) -> None:
    """For a coroutine that is closed, which cannot wait any more."""
    if inspect.iscoroutine(given):
        given.close()


def described(error: BaseException) -> ErrorObject:
    """What is told of an error, whatever the user's class does."""
    return ErrorObject(text_of(error), type_name(type(error)))


def identified(
    identity: OperationIdentity,
) -> tuple[str, OperationType, str, str | None, str | None]:
    return (
        identity.operation_id,
        identity.operation_type,
        str(identity.sub_type),
        identity.name,
        identity.parent_id,
    )


def function_info(
    identity: OperationIdentity, attempt: int | None, *, is_replay_children: bool = False
) -> UserFunctionStartInfo:
    return UserFunctionStartInfo(
        *identified(identity),
        datetime.now(UTC),
        False,
        Status.STARTED,
        is_replay_children,
        attempt=attempt,
    )
