"""Random programs of durable operations come to the same end whatever goes wrong on the way.

How many are tried is a matter of the profile: see `model_profiles`.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis.stateful import run_state_machine_as_test
from model_machine import ProgramMachine
from model_profiles import programs_to_try
from model_programs import Program
from model_run import check
from model_strategies import plans, programs
from model_world import Plan


@pytest.mark.parametrize("is_async", [False, True], ids=["blocking", "async"])
@programs_to_try(0.4625)
@given(program=programs(), plan=plans)
def test_crashes_and_faults_change_nothing(is_async: bool, program: Program, plan: Plan) -> None:
    """Same result, same operations, same values seen; no completed step runs again."""
    check(dataclasses.replace(program, is_async=is_async), plan)


def test_programs_in_the_making() -> None:
    """The same of programs that grow; what follows changes nothing of what came before."""
    run_state_machine_as_test(ProgramMachine, settings=programs_to_try(0.075, steps=20))
