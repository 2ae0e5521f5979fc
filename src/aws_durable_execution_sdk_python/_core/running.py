"""What runs now in this flow of control: a context's function, or other code of the user's.

Known by identity: whoever calls user code enters what it is, in a context variable, which tasks
and `asyncio.to_thread` inherit. A context compares this with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias, TypeVar

from aws_durable_execution_sdk_python.exceptions import NestedOperationError

T = TypeVar("T")

# An operation under way; what it yields and is sent concerns only who drives it.
Op: TypeAlias = Coroutine[Any, Any, T]


def drive(coroutine: Op[T]) -> T:
    """Run a coroutine that awaits nothing, or only what blocks, to its end where this is called.

    Raises:
        RuntimeError: it has yielded to an event loop after all.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} yielded to an event loop from a blocking call")


@dataclass(frozen=True, slots=True)
class Leaf:
    """Code of the user's in which no durable operation may be called.

    Attributes:
        name: the name of the operation it belongs to.
        what: a serdes, a retry strategy and so on.
    """

    name: str | None
    what: str

    def __str__(self) -> str:
        return f"the {self.what} of {self.name!r}" if self.name else f"the {self.what}"

    def refuse(self) -> NoReturn:
        """Refuse a durable call made there."""
        raise NestedOperationError(
            f"a durable context was used inside {self}, which does not run again when its "
            "operation is replayed: call the operation in the function that was given the context"
        )

    def call(self, function: Callable[..., T], *args: object) -> T:
        """Call the user's function as what this is."""
        token = enter(self)
        try:
            return function(*args)
        finally:
            leave(token)


_running: ContextVar[object] = ContextVar("durable_running", default=None)

current = _running.get
enter = _running.set
leave = _running.reset
