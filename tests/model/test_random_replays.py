"""Wherever the history of a random program is cut off, the program replays against it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from model_interpreter import handler
from model_process import Process
from model_profiles import programs_to_try
from model_programs import Program, has_cancellations
from model_run import function_names, run
from model_strategies import plans, programs
from model_world import Plan, World

from aws_durable_execution_sdk_python_testing._recordings import Recording, replay

# An execution that the service has made impossible has an end that is not the program's.
_mendable = plans.filter(lambda plan: not plan.faults.kms_error)


@pytest.mark.parametrize("is_async", [False, True], ids=["blocking", "async"])
@programs_to_try(0.05)
@given(program=programs(), plan=_mendable, fraction=st.floats(0, 1))
def test_every_beginning_of_a_history_replays(
    is_async: bool, program: Program, plan: Plan, fraction: float
) -> None:
    """Nothing runs, and nothing differs, at the end of the history and before it."""
    program = dataclasses.replace(program, is_async=is_async)
    assume(not has_cancellations(program))
    ran = run(program, plan)
    events = ran.histories[ran.arn]
    for kept in (events, events[: 1 + int(fraction * (len(events) - 1))]):
        world = World()
        world.processes[ran.arn] = Process(world, service=None)
        code = handler(world, program, function_names(program))
        report = replay(code, Recording(kept, ran.arn))
        assert report.divergence is None, str(report.divergence)
        assert not world.runs
