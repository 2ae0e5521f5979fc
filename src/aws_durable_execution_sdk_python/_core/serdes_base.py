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
    """

    operation_id: str = ""
    durable_execution_arn: str = ""


class SerDes(ABC, Generic[T]):
    """Turns values into text and back. Subclass it for your own types.

    `deserialize(serialize(value))` is what the program sees, on the first run and on replay
    alike. Raise `RetryableSerDesError` for a failure that may pass, such as a store that does
    not answer: the invocation is tried again. Every other exception is permanent.

    Example:
        >>> class Celsius(SerDes[float]):
        ...     def serialize(self, value: float, serdes_context: SerDesContext) -> str:
        ...         return f"{value} C"
        ...     def deserialize(self, data: str, serdes_context: SerDesContext) -> float:
        ...         return float(data.removesuffix(" C"))
        >>> Celsius().deserialize("20.5 C", SerDesContext())
        20.5
    """

    @abstractmethod
    def serialize(self, value: T, serdes_context: SerDesContext) -> str | None:
        """The text to store for `value`; None, which stores nothing, only for None."""

    @abstractmethod
    def deserialize(self, data: str, serdes_context: SerDesContext) -> T:
        """The value stored as `data`."""
