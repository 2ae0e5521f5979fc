"""Random programs as data: what a durable handler does, free of how it is run.

Every operation is a frozen value, so a failing example prints as the code that makes it, and a
regression test is that print-out.

The rule that every program keeps: *it has one right result*. Nothing that it returns may depend on
the order in which things complete, for that order is another in each run. So operations that run
at once give their outcomes in the order of the program, each error a value of its own; no time
limit of the program's own runs out on the way; and where something is cancelled while it may
already have ended (`Race`, `Cancel`, the losers of a batch), nobody looks at what came of it: its
value is "raced". What is right is then a matter of the text alone: `model_oracle` knows it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias


class ModelError(Exception):
    """What failing user code raises."""


class Word(enum.Enum):
    """An enumeration whose members print as the code that names them."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


class Text:
    """A dataclass that prints as the code that makes it: what is as ever is left out."""

    def __repr__(self) -> str:
        given = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)  # type: ignore[arg-type]
            if getattr(self, one.name) != one.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


class Answer(Word):
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


class Completion(Word):
    """When a batch stops."""

    ALL = "all"
    FAIL_FAST = "fail_fast"
    FIRST = "first"
    TOLERATE_ONE = "tolerate_one"


class Stray(Word):
    """How code comes by a CancelledError that nobody asked for: an ordinary failure of its own."""

    RAISED = "raises it"
    AWAITED = "awaits a task that somebody has cancelled"


class Effort(Word):
    """What user code waits for that is not durable; blocking code has fewer ways."""

    SLEEP = "a timer"
    ANYIO_SLEEP = "a timer of anyio's"
    THREAD = "asyncio.to_thread"
    GATHERED_THREADS = "executor jobs below gather and wait_for"
    OWN_EXECUTOR = "an executor of the program's own"
    ANYIO_THREAD = "anyio.to_thread"
    EVENT = "an event that a thread sets"
    QUEUE = "a queue that a timer fills"
    FUTURE = "a future that a task resolves"
    STREAM = "a memory stream that a task sends to"
    SOCKET = "a socket that a thread writes to"


class Joint(Word):
    """By which construct of asyncio or anyio operations are awaited together."""

    GATHER = "gather"
    WAIT = "wait"
    FIRST_COMPLETED = "wait, one after the other"
    AS_COMPLETED = "as_completed"
    TASK_GROUP = "TaskGroup"
    SHIELD = "shield"
    TIMEOUT = "timeout"
    QUEUE = "Queue"
    EVENT = "Event"
    LOCK = "Lock"
    SEMAPHORE = "Semaphore"
    CONDITION = "Condition"
    FUTURES = "bare futures"
    AWAITABLE = "__await__"
    GENERATOR = "an async generator"
    MANAGER = "asynccontextmanager"
    BACKGROUND = "tasks that are awaited at the end"
    ANYIO_GROUP = "anyio's task group"
    ANYIO_LOCK = "anyio.Lock"
    ANYIO_EVENT = "anyio.Event"
    ANYIO_STREAM = "a memory object stream"
    ANYIO_SCOPE = "anyio.move_on_after"


@dataclass(frozen=True, repr=False)
class Work(Text):
    """User code that takes so many real milliseconds, outside of any operation."""

    effort: Effort = Effort.SLEEP
    millis: int = 1


@dataclass(frozen=True, repr=False)
class Step(Text):
    """Fails `failures` times; tried `attempts` times at most.

    `seconds` of virtual time pass while the body runs. A step that runs at most once per attempt
    is tried again whenever it was interrupted, so that crashes cannot change how it ends. A step
    that `has_timeout` fails, if its body is async, by hanging until its time is up. `work` is what
    its body does first.
    """

    value: Any = 1
    failures: int = 0
    attempts: int = 1
    at_most_once: bool = False
    is_async: bool = False
    seconds: int = 0
    has_timeout: bool = False
    stray: Stray | None = None
    work: Work | None = None


@dataclass(frozen=True, repr=False)
class Wait(Text):
    seconds: int = 1


@dataclass(frozen=True, repr=False)
class Callback(Text):
    answer: Answer = Answer.SUCCESS
    raises_on_timeout: bool = False


@dataclass(frozen=True, repr=False)
class WaitForCallback(Text):
    """The submitter fails `failures` times and is tried twice."""

    answer: Answer = Answer.SUCCESS
    failures: int = 0


@dataclass(frozen=True, repr=False)
class Condition(Text):
    """Stops after `checks` checks, or fails at check number `fails_at`."""

    checks: int = 1
    fails_at: int | None = None
    is_async: bool = False
    stray: Stray | None = None


@dataclass(frozen=True, repr=False)
class InvokeFunction(Text):
    """Invokes a function that is not durable."""

    value: Any = 1
    fails: bool = False


@dataclass(frozen=True, repr=False)
class Program(Text):
    """What one context does. `is_large` makes its result too large to store.

    With `stray` its code ends that way, when all is done. Its errors come out of operations.
    """

    ops: tuple[Op, ...] = ()
    is_async: bool = False
    is_large: bool = False
    stray: Stray | None = None


@dataclass(frozen=True, repr=False)
class InvokeDurable(Text):
    program: Program = Program()


@dataclass(frozen=True, repr=False)
class Child(Text):
    program: Program = Program()
    is_virtual: bool = False


@dataclass(frozen=True, repr=False)
class Batch(Text):
    """What map and parallel have in common."""

    max_concurrency: int | None = None
    is_flat: bool = False
    completion: Completion = Completion.ALL
    throws: bool = False

    @property
    def races(self) -> bool:
        """Whether it is a matter of timing which branches get to their end."""
        return self.completion is not Completion.ALL and self.max_concurrency != 1


@dataclass(frozen=True, repr=False)
class Map(Batch):
    program: Program = Program()
    size: int = 2


@dataclass(frozen=True, repr=False)
class Parallel(Batch):
    branches: tuple[Program, ...] = ()


@dataclass(frozen=True, repr=False)
class Retry(Text):
    """`with_retry` around a program that fails `failures` times; tried `attempts` times."""

    ops: tuple[Op, ...] = ()
    failures: int = 0
    attempts: int = 2
    is_wrapped: bool = True


@dataclass(frozen=True, repr=False)
class Try(Text):
    """Catches what the operations raise, as a value."""

    ops: tuple[Op, ...] = ()


@dataclass(frozen=True, repr=False)
class Gather(Text):
    """Several operations of one context at once; one after the other in blocking code."""

    ops: tuple[SingleOp, ...] = ()
    by: Joint = Joint.GATHER


@dataclass(frozen=True, repr=False)
class Cancel(Text):
    """Cancels a task that performs an operation, `after` so many passes of the event loop.

    After none the operation has not begun, and leaves no trace. After some it may have ended,
    and this is different on replay. Blocking code cannot cancel: it performs the operation.
    """

    op: SingleOp
    after: int = 0


@dataclass(frozen=True, repr=False)
class Within(Text):
    """`asyncio.wait_for` around an operation, with no time at all or with more than enough.

    Blocking code just performs the operation.
    """

    op: SingleOp
    expires: bool = False


@dataclass(frozen=True, repr=False)
class Race(Text):
    """Several operations of one context at once; when the first has ended the others are cancelled.

    Blocking code performs one after the other.
    """

    ops: tuple[SingleOp, ...] = ()


# What is one call of a context method.
DurableOp: TypeAlias = (
    Step | Wait | WaitForCallback | Condition | InvokeFunction | InvokeDurable | Child | Map
    | Parallel
)  # fmt: skip
# What a task of its own can do beside others on the same context.
SingleOp: TypeAlias = DurableOp | Work
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
        case Retry(ops=ops) | Try(ops) | Gather(ops=ops) | Race(ops):
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
