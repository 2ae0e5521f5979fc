"""A state machine that writes a program down, operation by operation, and runs it on the way.

Against programs that are drawn as a whole it has two things: a failure shrinks to the steps that
lead to it, and a program is run again when more follows, which must not change what came before.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from model_programs import (
    Callback,
    Cancel,
    Child,
    Gather,
    InvokeDurable,
    Joint,
    Map,
    Op,
    Parallel,
    Program,
    Race,
    Retry,
    SingleOp,
    Try,
    WaitForCallback,
    Within,
    weight,
)
from model_run import check, seen
from model_strategies import (
    MAX_DEPTH,
    MAX_WEIGHT,
    batch_options,
    callbacks,
    conditions,
    crashes,
    failures,
    faults,
    flags,
    functions,
    hits,
    joints,
    programs,
    rarely,
    seldom,
    steps,
    surroundings,
    waits,
    works,
)
from model_world import Crash, Plan

from aws_durable_execution_sdk_python_testing._faults import Fault, Faults

_MOST_RUNS = 2
# Of a path, the operation of the main program that it begins with.
_OPERATION = re.compile(r"p\.\d+")

_programs = st.builds(Program, st.just(()), flags, rarely, seldom)


@dataclass
class _Open:
    """An operation that is not complete: what comes next belongs to it.

    Attributes:
        close: makes the operation of what it contains.
        is_single: whether that is one call of a context method.
        concurrent: whether only such operations may be in it.
        ops: what it contains so far.
    """

    close: Callable[[tuple[Any, ...]], Op]
    is_single: bool = False
    concurrent: bool = False
    ops: list[Op] = field(default_factory=list)


def _has_room(machine: ProgramMachine) -> bool:
    return weight(machine.ops) < MAX_WEIGHT


def _may_nest(machine: ProgramMachine) -> bool:
    return _has_room(machine) and len(machine.around) < MAX_DEPTH


def _may_nest_anything(machine: ProgramMachine) -> bool:
    return _may_nest(machine) and not machine.here.concurrent


def _has_single(machine: ProgramMachine) -> bool:
    """Whether the latest operation is one call that may be wrapped."""
    here = machine.here
    return bool(here.ops) and not here.concurrent and isinstance(here.ops[-1], SingleOp)


class ProgramMachine(RuleBasedStateMachine):
    """Writes a program and plans what goes wrong.

    Attributes:
        root: the main program's operations.
        around: the operations that are open, outermost first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = _Open(Gather)
        self.around: list[_Open] = []
        self._is_async = False
        self._crashes: list[Crash] = []
        self._faults: dict[Fault, frozenset[int]] = {}
        self._plan = Plan()
        self._runs = 0
        self._seen: dict[str, Any] = {}

    @property
    def here(self) -> _Open:
        """Where operations are added."""
        return self.around[-1] if self.around else self.root

    @property
    def ops(self) -> tuple[Op, ...]:
        """The program so far, as if what is open were closed."""
        inner: tuple[Op, ...] = ()
        for each in reversed(self.around):
            content = (*each.ops, *inner)
            inner = (each.close(content),) if content else ()
        return (*self.root.ops, *inner)

    @initialize(is_async=flags, plan=surroundings)
    def begin(self, is_async: bool, plan: Plan) -> None:
        self._is_async, self._plan = is_async, plan

    # -- operations -------------------------------------------------------------------------

    @precondition(_has_room)
    @rule(op=st.one_of(steps, waits, works, conditions, functions))
    def add(self, op: Op) -> None:
        self.here.ops.append(op)

    @precondition(_has_room)
    @rule(op=callbacks(True))
    def add_callback(self, op: Callback | WaitForCallback) -> None:
        if isinstance(op, WaitForCallback) or not self.here.concurrent:
            self.here.ops.append(op)

    @precondition(_has_room)
    @rule(program=programs(MAX_DEPTH - 1, False))
    def invoke(self, program: Program) -> None:
        self.here.ops.append(InvokeDurable(program))

    @precondition(_has_single)
    @rule(after=st.integers(0, 6))
    def cancel(self, after: int) -> None:
        self._wrap(lambda op: Cancel(op, after))

    @precondition(_has_single)
    @rule(expires=flags)
    def limit(self, expires: bool) -> None:
        self._wrap(lambda op: Within(op, expires))

    def _wrap(self, make: Callable[[SingleOp], Op]) -> None:
        """Make another operation of the latest one, which is over with what was seen of it."""
        op = cast(SingleOp, self.here.ops.pop())
        self._seen = self._of_complete(self._seen)
        self.here.ops.append(make(op))

    # -- what contains operations -----------------------------------------------------------

    def _open(
        self, close: Callable[[tuple[Any, ...]], Op], *, is_single: bool = True, **of: bool
    ) -> None:
        self.around.append(_Open(close, is_single, **of))

    @precondition(_may_nest)
    @rule(program=_programs, is_virtual=flags)
    def open_child(self, program: Program, is_virtual: bool) -> None:
        self._open(lambda ops: Child(dataclasses.replace(program, ops=ops), is_virtual))

    @precondition(_may_nest)
    @rule(program=_programs, size=st.integers(1, 3), options=st.fixed_dictionaries(batch_options))
    def open_map(self, program: Program, size: int, options: dict[str, Any]) -> None:
        self._open(
            lambda ops: Map(program=dataclasses.replace(program, ops=ops), size=size, **options)
        )

    @precondition(_may_nest)
    @rule(
        programs=st.lists(_programs, min_size=1, max_size=3),
        options=st.fixed_dictionaries(batch_options),
    )
    def open_parallel(self, programs: list[Program], options: dict[str, Any]) -> None:
        """The operations are dealt out to the branches in turn."""

        def close(ops: tuple[Op, ...]) -> Op:
            branches = tuple(
                dataclasses.replace(program, ops=ops[i :: len(programs)])
                for i, program in enumerate(programs)
            )
            return Parallel(branches=branches, **options)

        self._open(close)

    @precondition(_may_nest_anything)
    @rule(failures=failures, attempts=st.integers(1, 3), is_wrapped=flags)
    def open_retry(self, failures: int, attempts: int, is_wrapped: bool) -> None:
        self._open(lambda ops: Retry(ops, failures, attempts, is_wrapped), is_single=False)

    @precondition(_may_nest_anything)
    @rule()
    def open_try(self) -> None:
        self._open(Try, is_single=False)

    @precondition(_may_nest_anything)
    @rule(by=joints)
    def open_gather(self, by: Joint) -> None:
        self._open(lambda ops: Gather(ops, by), is_single=False, concurrent=True)

    @precondition(_may_nest_anything)
    @rule()
    def open_race(self) -> None:
        self._open(Race, is_single=False, concurrent=True)

    @precondition(lambda self: bool(self.around))
    @rule()
    def close(self) -> None:
        closed = self.around.pop()
        if closed.ops:
            self.here.ops.append(closed.close(tuple(closed.ops)))

    # -- what goes wrong --------------------------------------------------------------------

    @rule(crash=crashes)
    def crash(self, crash: Crash) -> None:
        self._crashes.append(crash)

    @rule(fault=faults, hits=hits)
    def fault(self, fault: Fault, hits: frozenset[int]) -> None:
        self._faults[fault] = hits

    # -- running ----------------------------------------------------------------------------

    @precondition(lambda self: self.ops and self._runs < _MOST_RUNS)
    @rule()
    def run_and_compare(self) -> None:
        """What the operations that are complete came to stays so, whatever follows them."""
        self._runs += 1
        plan = dataclasses.replace(
            self._plan, crashes=tuple(self._crashes), faults=Faults(**self._faults)
        )
        calm = check(Program(self.ops, self._is_async), plan)
        surely = seen(calm, calm.world.raced)
        assert {path: surely.get(path) for path in self._seen} == self._seen
        self._seen = self._of_complete(surely)

    def _of_complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """Those by paths that begin with an operation of the main program that is not open."""
        complete = {f"p.{i}" for i in range(len(self.root.ops))}
        return {
            path: value
            for path, value in values.items()
            if complete.intersection(_OPERATION.findall(path)[:1])
        }

    def teardown(self) -> None:
        if self.ops:
            self.run_and_compare()
