"""What every serdes is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

T = TypeVar("T", default=Any)


@dataclass(frozen=True, slots=True)
class SerDesContext:
    """Where a value belongs.

    Attributes:
        operation_id: id of the operation whose value it is.
        durable_execution_arn: ARN of the execution.
        attempt: which attempt of a step, or check of a condition, has left the value, from 1.
            When a value is read it is 1 whatever wrote it.
    """

    operation_id: str = ""
    durable_execution_arn: str = ""
    attempt: int = 1


class SerDes(ABC, Generic[T]):
    """Turns values into text and back. Subclass it for your own types.

    `deserialize(serialize(value))` is what the program sees, on the first run and on replay
    alike. Raise `RetryableSerDesError` for a failure that may pass, such as a store that does
    not answer: the invocation is tried again. Every other exception is permanent.

    Attributes:
        blocking: whether it does input or output. Async code then has it called in a worker
            thread; otherwise it is called on the event loop, which it must not hold up.

    Example:
        >>> class Celsius(SerDes[float]):
        ...     def serialize(self, value: float, serdes_context: SerDesContext) -> str:
        ...         return f"{value} C"
        ...     def deserialize(self, data: str, serdes_context: SerDesContext) -> float:
        ...         return float(data.removesuffix(" C"))
        >>> Celsius().deserialize("20.5 C", SerDesContext())
        20.5
    """

    blocking: bool = False

    @abstractmethod
    def serialize(self, value: T, serdes_context: SerDesContext) -> str | None:
        """The text to store for `value`; None, which stores nothing, only for None."""

    @abstractmethod
    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        """The value stored as `data`."""


class AroundAnother:
    """What only does something with the texts of another serdes: a store, a stage.

    Attributes:
        inner: writes and reads the value itself, or is such a serdes as well.
    """

    inner: Any
