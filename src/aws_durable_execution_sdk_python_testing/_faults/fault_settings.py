"""Which faults are injected, and how often."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any, Self, cast

# A probability from 0 to 1, or the numbers of what is hit, counted from 1.
Chance = float | Collection[int]

_SYNTAX = (
    "write NAME=VALUE separated by commas, each value a probability (throttle=0.1) or numbers of "
    "calls (throttle=@2+5)"
)


class Fault(enum.StrEnum):
    """A fault, by the name of its setting in `Faults`.

    Where several hit the same call, the first in this order happens; SLOW comes on top.
    """

    KMS_ERROR = "kms_error"
    STALE_TOKEN = "stale_token"
    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    LOST_RESPONSE = "lost_response"
    TOKEN_REVOKED = "token_revoked"
    SLOW = "slow"
    DUPLICATE_INVOCATION = "duplicate_invocation"
    REORDER_PAGES = "reorder_pages"


_TIMES = ("slow_seconds", "timeout_seconds")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Faults to inject into executions of a local service.

    Each is off (0) unless it is given a probability from 0 to 1, or the numbers of what it is to
    hit, such as `{2, 5}`. The handler's calls of the service (checkpoints and pages of state) are
    counted per execution from 1 on, repeats of a call by the client included. The last two faults
    count the execution's invocations instead. The same seed hits the same calls again, whatever
    else runs: every execution has random numbers of its own, by the order of their first calls.

    Attributes:
        seed: of the random numbers.
        throttle: the call is refused with TooManyRequestsException (429).
        server_error: the call is refused with ServiceException (500).
        timeout: the call is not carried out, and never answered.
        lost_response: the call is carried out, and its answer is lost.
        stale_token: the call is refused with `Invalid checkpoint token`.
        token_revoked: the checkpoint is saved, but answered without a token, so that the
            invocation ends. A new one follows.
        slow: the call is answered `slow_seconds` late.
        kms_error: the call is refused with KMSAccessDeniedException (502), and so are all that
            follow in the execution.
        duplicate_invocation: once the invocation has answered, its event is delivered again.
            What comes of that is ignored, as the service ignores it.
        reorder_pages: the operations that the invocation starts with come in another order, and
            so do those that it reads page by page.
        slow_seconds: skipped time passes at once, real time passes.
        timeout_seconds: how long an HTTP request waits for nothing until the connection is cut.

    Raises:
        ValueError: a value is none of these.

    Example:
        ```python
        faults = Faults(seed=7, throttle=0.1, lost_response={3})
        runner = DurableFunctionTestRunner(handler, faults=faults)
        ```
    """

    seed: int = 0
    throttle: Chance = 0
    server_error: Chance = 0
    timeout: Chance = 0
    lost_response: Chance = 0
    stale_token: Chance = 0
    token_revoked: Chance = 0
    duplicate_invocation: Chance = 0
    slow: Chance = 0
    kms_error: Chance = 0
    reorder_pages: Chance = 0
    slow_seconds: float = 1.0
    timeout_seconds: float = 1.0

    def __post_init__(self) -> None:
        if not _is_whole(self.seed):
            raise ValueError(f"seed must be a whole number, not {self.seed!r}")
        for fault in Fault:
            chance = _checked(fault, getattr(self, fault))
            object.__setattr__(self, fault, chance)
        for name in _TIMES:
            seconds = getattr(self, name)
            if not _is_number(seconds) or seconds < 0:
                raise ValueError(f"{name} must be seconds from 0 on, not {seconds!r}")

    def chance(self, fault: Fault) -> Chance:
        """What is set for a fault."""
        value: Chance = getattr(self, fault)
        return value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form of the command line.

        Parameters:
            text: `NAME=VALUE` separated by commas: `seed=1,throttle=0.1,stale_token=@2+5`, where
                `@2+5` are the numbers 2 and 5.

        Raises:
            ValueError: it has another form, or a value is not allowed.
        """
        values: dict[str, Any] = {}
        for assignment in filter(None, text.split(",")):
            name, equals, value = (part.strip() for part in assignment.partition("="))
            if name not in _KNOWN:
                raise ValueError(f"no fault is called {name!r}: there are {', '.join(_KNOWN)}")
            if not equals or name in values:
                raise ValueError(f"{assignment!r} is not understood, or given twice: {_SYNTAX}")
            values[name] = _read(name, value)
        return cls(**values)

    def __repr__(self) -> str:
        """The settings that differ from the defaults, and always the seed."""
        given = [
            f"{one.name}={_show(getattr(self, one.name))}"
            for one in fields(self)
            if one.name == "seed" or getattr(self, one.name) != one.default
        ]
        return f"Faults({', '.join(given)})"


_KNOWN = tuple(one.name for one in fields(Faults))


def _checked(fault: Fault, value: Any) -> Chance:
    if _is_number(value) and 0 <= value <= 1:
        return float(value)
    if isinstance(value, Collection):
        numbers: list[Any] = list(value)
        if all(_is_whole(number) and number >= 1 for number in numbers):
            return frozenset[int](numbers)
    hint = ""
    if isinstance(value, int) and value > 1:
        hint = f"; number {value} alone is {{{value}}}"
    raise ValueError(
        f"{fault} must be a probability from 0 to 1, or a set of numbers from 1 on, "
        f"not {value!r}{hint}"
    )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(name: str, text: str) -> Any:
    try:
        if text.startswith("@"):
            return frozenset(int(number) for number in text[1:].split("+"))
        return int(text) if name == "seed" else float(text)
    except ValueError:
        raise ValueError(f"{name}={text} is not understood: {_SYNTAX}") from None


def _show(value: Any) -> str:
    if isinstance(value, frozenset):
        numbers = sorted(cast(frozenset[int], value))
        return "{" + ", ".join(map(str, numbers)) + "}" if numbers else "set()"
    return repr(value)
