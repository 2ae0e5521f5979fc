"""Random programs as data: what a durable handler does, free of how it is run.

Every operation is a frozen value, so a failing example prints as the code that makes it, and a
regression test is that print-out.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


class ModelError(Exception):
    """What failing user code raises."""


class Answer(enum.Enum):
    """How the world treats a callback.

    SUCCESS and FAILURE are given once the invocation has ended, EARLY while it still runs (by
    the submitter), TIMEOUT is no answer at all, and SILENCE is no sign of life either, where one
    was due earlier. No callback can both be answered and time out, so none of these is a race.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    EARLY = "early"
    TIMEOUT = "timeout"
    SILENCE = "silence"


class Completion(enum.Enum):
    """When a batch stops."""

    ALL = "all"
    FAIL_FAST = "fail_fast"
    FIRST = "first"
    TOLERATE_ONE = "tolerate_one"


@dataclass(frozen=True)
class Step:
    """Fails `failures` times; tried `attempts` times at most.

    `seconds` of virtual time pass while the body runs. A step that runs at most once per attempt
    is tried again whenever it was interrupted, so that crashes cannot change how it ends. A step
    that `has_timeout` fails, if its body is async, by hanging until its time is up.
    """

    value: Any = 1
    failures: int = 0
    attempts: int = 1
    at_most_once: bool = False
    is_async: bool = False
    seconds: int = 0
    has_timeout: bool = False


@dataclass(frozen=True)
class Wait:
    seconds: int = 1


@dataclass(frozen=True)
class Callback:
    answer: Answer = Answer.SUCCESS
    raises_on_timeout: bool = False


@dataclass(frozen=True)
class WaitForCallback:
    """The submitter fails `failures` times and is tried twice."""

    answer: Answer = Answer.SUCCESS
    failures: int = 0


@dataclass(frozen=True)
class Condition:
    """Stops after `checks` checks, or fails at check number `fails_at`."""

    checks: int = 1
    fails_at: int | None = None
    is_async: bool = False


@dataclass(frozen=True)
class InvokeFunction:
    """Invokes a function that is not durable."""

    value: Any = 1
    fails: bool = False


@dataclass(frozen=True)
class Program:
    """What one context does. `is_large` makes its result too large to store."""

    ops: tuple[Op, ...] = ()
    is_async: bool = False
    is_large: bool = False


@dataclass(frozen=True)
class InvokeDurable:
    program: Program = Program()


@dataclass(frozen=True)
class Child:
    program: Program = Program()
    is_virtual: bool = False


@dataclass(frozen=True)
class Batch:
    """What map and parallel have in common."""

    max_concurrency: int | None = None
    is_flat: bool = False
    completion: Completion = Completion.ALL
    throws: bool = False

    @property
    def races(self) -> bool:
        """Whether it is a matter of timing which branches get to their end."""
        return self.completion is not Completion.ALL and self.max_concurrency != 1


@dataclass(frozen=True)
class Map(Batch):
    program: Program = Program()
    size: int = 2


@dataclass(frozen=True)
class Parallel(Batch):
    branches: tuple[Program, ...] = ()


@dataclass(frozen=True)
class Retry:
    """`with_retry` around a program that fails `failures` times; tried `attempts` times."""

    ops: tuple[Op, ...] = ()
    failures: int = 0
    attempts: int = 2
    is_wrapped: bool = True


@dataclass(frozen=True)
class Try:
    """Catches what the operations raise, as a value."""

    ops: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Gather:
    """Several operations of one context at once; one after the other in blocking code."""

    ops: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Cancel:
    """Cancels a task that performs an operation, `after` so many passes of the event loop.

    After none the operation has not begun, and leaves no trace. After some it may have ended,
    and this is different on replay. Blocking code cannot cancel: it performs the operation.
    """

    op: SingleOp
    after: int = 0


@dataclass(frozen=True)
class Within:
    """`asyncio.wait_for` around an operation, with no time at all or with more than enough.

    Blocking code just performs the operation.
    """

    op: SingleOp
    expires: bool = False


@dataclass(frozen=True)
class Race:
    """Several operations of one context at once; when the first has ended the others are cancelled.

    Blocking code performs one after the other.
    """

    ops: tuple[SingleOp, ...] = ()


# Operations that are one call of a context method.
SingleOp: TypeAlias = (
    Step | Wait | WaitForCallback | Condition | InvokeFunction | InvokeDurable | Child | Map
    | Parallel
)  # fmt: skip
Op: TypeAlias = SingleOp | Callback | Retry | Try | Gather | Cancel | Within | Race


def programs_of(op: Op) -> tuple[Program, ...]:
    """The programs that run in contexts, or executions, of their own."""
    match op:
        case Child(program) | InvokeDurable(program) | Map(program=program):
            return (program,)
        case Parallel(branches=branches):
            return branches
    return ()


def parts_of(op: Op) -> tuple[Op, ...]:
    """The operations that it performs on the context it is performed on."""
    match op:
        case Retry(ops=ops) | Try(ops) | Gather(ops) | Race(ops):
            return ops
        case Cancel(op=one) | Within(op=one):
            return (one,)
    return ()


def operations(ops: tuple[Op, ...]) -> Iterator[Op]:
    """All operations at any depth, as they are written down."""
    for op in ops:
        yield op
        yield from operations(parts_of(op))
        for program in programs_of(op):
            yield from operations(program.ops)


def weight(ops: tuple[Op, ...]) -> int:
    """About how many operations a run performs."""
    total = 0
    for op in ops:
        times = op.size if isinstance(op, Map) else op.attempts if isinstance(op, Retry) else 1
        total += 1 + times * (weight(parts_of(op)) + sum(weight(p.ops) for p in programs_of(op)))
    return total


def cancels(op: Op, is_async: bool) -> bool:
    """Whether it is a matter of timing what of the operation is cancelled, in code of this kind."""
    return is_async and (isinstance(op, Race) or (isinstance(op, Cancel) and op.after > 0))


def races(op: Op, is_async: bool) -> bool:
    """Whether timing may decide what of it is performed, in code of this kind."""
    return cancels(op, is_async) or (isinstance(op, Batch) and op.races)


def has_races(program: Program) -> bool:
    """Whether timing may decide what ran by the end, though never what was observed."""
    return _any(races, program.ops, program.is_async)


def has_cancellations(program: Program) -> bool:
    """Whether a replay may come upon operations that were cancelled before they began."""
    return _any(cancels, program.ops, program.is_async)


def _any(holds: Callable[[Op, bool], bool], ops: tuple[Op, ...], is_async: bool) -> bool:
    """Whether it holds for an operation at any depth, in the kind of code that it is in."""
    return any(
        holds(op, is_async)
        or _any(holds, parts_of(op), is_async)
        or any(_any(holds, program.ops, program.is_async) for program in programs_of(op))
        for op in ops
    )
