"""How long a function may take."""

from __future__ import annotations

from dataclasses import dataclass

# What Lambda grants an invocation at most.
MAX_INVOCATION_SECONDS = 900


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long a function may take, in real seconds.

    Attributes:
        seconds: its own time.
        margin: what whatever runs it may take beyond that to answer. With a margin, a function
            that is late was not answered for at all; without one it has timed out itself.
    """

    seconds: float
    margin: float = 0.0

    @property
    def total(self) -> float:
        """Seconds after which it is given up."""
        return self.seconds + self.margin
