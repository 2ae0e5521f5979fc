"""Sets of tasks and scopes in an order that can be repeated, for the proof alone.

asyncio and anyio keep tasks and cancel scopes in sets, and cancel them in the order of those: by
default that of addresses, which nobody promises. Here hashes are numbers, counted anew in each
invocation.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from anyio._backends._asyncio import CancelScope

from aws_durable_execution_sdk_python._kernel.invocation_task import InvocationTask
from aws_durable_execution_sdk_python._kernel.origin import ENGINE, origin, origin_in

_numbers: Iterator[int] = itertools.count()


class NumberedTask(InvocationTask[Any]):
    def __init__(self, *args: Any, **options: Any) -> None:
        self.number = next(_numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self.number


def _make_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    engines = origin_in(options.get("context")) is ENGINE
    return (asyncio.Task if engines else NumberedTask)(coro, loop=loop, **options)


def number_tasks() -> None:
    """Number the tasks that begin from here on in the running invocation."""
    global _numbers
    _numbers = itertools.count()
    asyncio.get_running_loop().set_task_factory(_make_task)


@pytest.fixture(scope="module", autouse=True)
def numbered_scopes() -> Iterator[None]:
    init = CancelScope.__init__

    def numbered(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        numbers[id(self)] = next(_numbers) if origin.get() is not ENGINE else 0

    numbers: dict[int, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CancelScope, "__init__", numbered)
        patch.setattr(CancelScope, "__hash__", lambda self: numbers[id(self)])
        yield
