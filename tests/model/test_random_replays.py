"""Wherever the history of a random program is cut off, the program replays against it."""

from __future__ import annotations

import dataclasses
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_interpreter import handler
from model_programs import Program
from model_run import function_names, run
from model_strategies import plans, programs
from model_world import Plan, Process, World

from aws_durable_execution_sdk_python_testing.recordings import Recording, replay

_RANDOM_EXAMPLES = int(os.environ.get("DURABLE_MODEL_EXAMPLES", "0"))


@pytest.mark.parametrize("is_async", [False, True], ids=["blocking", "async"])
@settings(
    max_examples=_RANDOM_EXAMPLES or 100,
    derandomize=not _RANDOM_EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(program=programs(), plan=plans, fraction=st.floats(0, 1))
def test_every_beginning_of_a_history_replays(
    is_async: bool, program: Program, plan: Plan, fraction: float
) -> None:
    """Nothing runs, and nothing differs, at the end of the history and before it."""
    program = dataclasses.replace(program, is_async=is_async)
    ran = run(program, plan)
    events = ran.histories[ran.arn]
    for kept in (events, events[: 1 + int(fraction * (len(events) - 1))]):
        world = World()
        world.processes[ran.arn] = Process(world, service=None)
        code = handler(world, program, function_names(program))
        report = replay(code, Recording(kept, ran.arn))
        assert report.divergence is None, str(report.divergence)
        assert not world.runs
