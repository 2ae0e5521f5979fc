"""Hypothesis strategies for programs and for what goes wrong when they run."""

from __future__ import annotations

import functools
from typing import Any

from hypothesis import strategies as st
from model_latency import Latency
from model_programs import (
    Answer,
    Callback,
    Cancel,
    Child,
    Completion,
    Condition,
    Effort,
    Gather,
    InvokeDurable,
    InvokeFunction,
    Joint,
    Map,
    Op,
    Parallel,
    Program,
    Race,
    Retry,
    SingleOp,
    Step,
    Stray,
    Try,
    Wait,
    WaitForCallback,
    Within,
    Work,
    weight,
)
from model_world import Crash, Mode, Plan, Point, Transport

from aws_durable_execution_sdk_python_testing._faults import Fault, Faults

MAX_WEIGHT = 25
MAX_DEPTH = 3

flags = st.booleans()
# Mostly no failure: an error that nobody catches ends its program.
failures = st.sampled_from((0, 0, 0, 0, 1, 2))
rarely = st.sampled_from((False, False, False, True))
# How a program's own code fails in the end: mostly not.
seldom = st.sampled_from((*[None] * 18, *Stray))
joints = st.sampled_from(Joint)
_values = st.sampled_from((1, None, "text", [1, {"a": None}], {"n": 1.5}))
# An ordinary failure, for which an error stands, is as good as a cancellation.
_strays = st.sampled_from((None, None, *Stray))
# Real time.
works = st.builds(Work, st.sampled_from(Effort), st.sampled_from((0, 1, 1, 2, 4)))

steps = st.builds(
    Step,
    value=_values,
    failures=failures,
    attempts=st.integers(1, 3),
    at_most_once=flags,
    is_async=flags,
    seconds=st.sampled_from((0, 0, 3)),
    has_timeout=rarely,
    stray=_strays,
    work=st.one_of(st.none(), st.none(), st.none(), works),
)
waits = st.builds(Wait, st.integers(1, 4))
conditions = st.builds(
    Condition,
    checks=st.integers(1, 3),
    fails_at=st.sampled_from((None, None, None, None, 1, 2)),
    is_async=flags,
    stray=_strays,
)
functions = st.builds(InvokeFunction, value=_values, fails=rarely)
batch_options: dict[str, st.SearchStrategy[Any]] = {
    "max_concurrency": st.sampled_from((None, 1, 2)),
    "is_flat": flags,
    "completion": st.sampled_from(Completion),
    "throws": rarely,
}


@functools.cache
def callbacks(answered: bool) -> st.SearchStrategy[Op]:
    """Callbacks; only of the main execution's is anybody there to answer them from outside."""
    outside = (Answer.SUCCESS, Answer.SUCCESS, Answer.FAILURE) if answered else ()
    return st.one_of(
        st.builds(
            Callback,
            answer=st.sampled_from((*outside, Answer.TIMEOUT, Answer.SILENCE)),
            raises_on_timeout=rarely,
        ),
        st.builds(
            WaitForCallback,
            answer=st.sampled_from((*outside, Answer.EARLY, Answer.TIMEOUT, Answer.SILENCE)),
            failures=failures,
        ),
    )


@st.composite
def _ops(draw: st.DrawFn, depth: int, answered: bool) -> tuple[Op, ...]:
    # Composite, so that a strategy does not print as everything inside it.
    longest = (4, 3, 2, 2)[depth]
    return tuple(draw(st.lists(_op(depth, answered), min_size=1, max_size=longest)))


@functools.cache
def _op(depth: int, answered: bool) -> st.SearchStrategy[Op]:
    leaves: list[st.SearchStrategy[Op]] = [
        steps,
        waits,
        works,
        conditions,
        functions,
        callbacks(answered),
    ]
    if depth >= MAX_DEPTH:
        return st.one_of(leaves)
    inner = _ops(depth + 1, answered)
    compound = [
        *_contexts(depth, answered),
        st.builds(Try, inner),
        st.builds(
            Retry,
            inner,
            failures=failures,
            attempts=st.integers(1, 3),
            is_wrapped=flags,
        ),
        *concurrent(depth, answered),
    ]
    return st.one_of(leaves + compound)


def concurrent(depth: int, answered: bool) -> list[st.SearchStrategy[Op]]:
    """Operations in tasks of their own."""
    one, several = _single(depth, answered), _several(depth, answered)
    return [
        st.builds(Gather, several, joints),
        st.builds(Gather, several, joints),
        st.builds(Gather, several, joints),
        st.builds(Race, several),
        st.builds(Cancel, one, after=st.integers(0, 6)),
        st.builds(Within, one, expires=flags),
    ]


@functools.cache
def _single(depth: int, answered: bool) -> st.SearchStrategy[SingleOp]:
    """Operations that are one call each, which is what one context can do at once."""
    waiting = callbacks(answered).filter(lambda op: isinstance(op, WaitForCallback))
    leaves: list[st.SearchStrategy[Any]] = [steps, waits, works, conditions, functions, waiting]
    return st.one_of(leaves + _contexts(depth, answered))


@st.composite
def _several(draw: st.DrawFn, depth: int, answered: bool) -> tuple[SingleOp, ...]:
    return tuple(draw(st.lists(_single(depth, answered), min_size=2, max_size=4)))


@functools.cache
def _contexts(depth: int, answered: bool) -> list[st.SearchStrategy[Op]]:
    inner = programs(depth + 1, answered)
    branches = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return [
        st.builds(Child, inner, is_virtual=flags),
        st.builds(InvokeDurable, programs(depth + 1, False)),
        st.builds(Map, program=inner, size=st.integers(1, 3), **batch_options),
        st.builds(Parallel, branches=branches, **batch_options),
    ]


@st.composite
def _programs(draw: st.DrawFn, depth: int, answered: bool) -> Program:
    is_large = depth > 0 and draw(rarely)
    return Program(draw(_ops(depth, answered)), draw(flags), is_large, draw(seldom))


def programs(depth: int = 0, answered: bool = True) -> st.SearchStrategy[Program]:
    """Programs of bounded size."""
    made = _programs(depth, answered)
    return made.filter(lambda program: weight(program.ops) <= MAX_WEIGHT)


_after = st.sampled_from((0, 0, 1, 2, 4))
crashes = st.builds(Crash, st.sampled_from(Point), _after, st.sampled_from(Mode))

# What waiting does not mend is rare: nothing can be compared after it.
faults = st.sampled_from(
    (*[fault for fault in Fault if fault is not Fault.KMS_ERROR] * 3, Fault.KMS_ERROR)
)
hits = st.frozensets(st.integers(1, 12), min_size=1, max_size=3)
_faults = st.dictionaries(faults, hits, max_size=3).map(lambda each: Faults(**each))

# In milliseconds. Mostly small, so that many programs fit into the time there is.
_latencies = st.builds(
    Latency, st.sampled_from((*[0] * 4, *[1] * 8, *[5] * 6, 20, 60)), st.integers(0, 1000)
)
_transports = st.sampled_from((*[Transport.IN_PROCESS] * 10, Transport.AIOBOTO3, Transport.BOTO3))
# Fewer threads than small programs use, or as many as ever.
_threads = st.sampled_from((None, None, 1, 2, 4))

plans = st.builds(
    Plan,
    st.lists(crashes, max_size=6).map(tuple),
    _faults,
    _latencies,
    _transports,
    _threads,
)
surroundings = st.builds(Plan, latency=_latencies, transport=_transports, threads=_threads)
