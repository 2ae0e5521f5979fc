"""Hypothesis strategies for programs and for when to crash them."""

from __future__ import annotations

import functools

from hypothesis import strategies as st
from model_programs import (
    Answer,
    Callback,
    Child,
    Completion,
    Condition,
    Gather,
    InvokeDurable,
    InvokeFunction,
    Map,
    Op,
    Parallel,
    Program,
    Retry,
    Step,
    Try,
    Wait,
    WaitForCallback,
    weight,
)
from model_world import Crash, Mode, Point

MAX_WEIGHT = 25
MAX_DEPTH = 3

_flags = st.booleans()
# Mostly no failure: an error that nobody catches ends its program.
_failures = st.sampled_from((0, 0, 0, 0, 1, 2))
_rarely = st.sampled_from((False, False, False, True))
_values = st.sampled_from((1, None, "text", [1, {"a": None}], {"n": 1.5}))

_steps = st.builds(
    Step,
    value=_values,
    failures=_failures,
    attempts=st.integers(1, 3),
    at_most_once=_flags,
    is_async=_flags,
    seconds=st.sampled_from((0, 0, 3)),
)
_waits = st.builds(Wait, st.integers(1, 4))
_conditions = st.builds(
    Condition,
    checks=st.integers(1, 3),
    fails_at=st.sampled_from((None, None, None, None, 1, 2)),
    is_async=_flags,
)
_functions = st.builds(InvokeFunction, value=_values, fails=_rarely)


@functools.cache
def _callbacks(answered: bool) -> st.SearchStrategy[Op]:
    """Callbacks; only of the main execution's is anybody there to answer them from outside."""
    outside = (Answer.SUCCESS, Answer.SUCCESS, Answer.FAILURE) if answered else ()
    return st.one_of(
        st.builds(
            Callback,
            answer=st.sampled_from((*outside, Answer.TIMEOUT)),
            raises_on_timeout=_rarely,
        ),
        st.builds(
            WaitForCallback,
            answer=st.sampled_from((*outside, Answer.EARLY, Answer.TIMEOUT)),
            failures=_failures,
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
        _steps,
        _waits,
        _conditions,
        _functions,
        _callbacks(answered),
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
            failures=_failures,
            attempts=st.integers(1, 3),
            is_wrapped=_flags,
        ),
        st.builds(Gather, _gathered(depth, answered)),
    ]
    return st.one_of(leaves + compound)


@st.composite
def _gathered(draw: st.DrawFn, depth: int, answered: bool) -> tuple[Op, ...]:
    """Operations that are one call each, which is what one context can do at once."""
    callbacks = _callbacks(answered).filter(lambda op: isinstance(op, WaitForCallback))
    leaves: list[st.SearchStrategy[Op]] = [_steps, _waits, _conditions, _functions, callbacks]
    single = st.one_of(leaves + _contexts(depth, answered))
    return tuple(draw(st.lists(single, min_size=2, max_size=4)))


@functools.cache
def _contexts(depth: int, answered: bool) -> list[st.SearchStrategy[Op]]:
    inner = programs(depth + 1, answered)
    batch = {
        "max_concurrency": st.sampled_from((None, 1, 2)),
        "is_flat": _flags,
        "completion": st.sampled_from(Completion),
        "throws": _rarely,
    }
    branches = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return [
        st.builds(Child, inner, is_virtual=_flags),
        st.builds(InvokeDurable, programs(depth + 1, False)),
        st.builds(Map, program=inner, size=st.integers(1, 3), **batch),
        st.builds(Parallel, branches=branches, **batch),
    ]


@st.composite
def _programs(draw: st.DrawFn, depth: int, answered: bool) -> Program:
    is_large = depth > 0 and draw(_rarely)
    return Program(draw(_ops(depth, answered)), draw(_flags), is_large)


def programs(depth: int = 0, answered: bool = True) -> st.SearchStrategy[Program]:
    """Programs of bounded size."""
    made = _programs(depth, answered)
    return made.filter(lambda program: weight(program.ops) <= MAX_WEIGHT)


_after = st.sampled_from((0, 0, 1, 2, 4))
_crash = st.builds(Crash, st.sampled_from(Point), _after, st.sampled_from(Mode))
crashes = st.lists(_crash, min_size=1, max_size=6).map(tuple)
