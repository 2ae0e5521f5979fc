"""Random programs of durable operations come to the same end however often they crash.

The environment variable DURABLE_MODEL_EXAMPLES asks for so many random programs of each kind,
different ones in each run, instead of the fixed set that makes every run of the suite alike.
"""

from __future__ import annotations

import dataclasses
import os

import pytest
from hypothesis import HealthCheck, given, settings
from model_programs import Program
from model_run import check
from model_strategies import plans, programs
from model_world import Plan

_RANDOM_EXAMPLES = int(os.environ.get("DURABLE_MODEL_EXAMPLES", "0"))


@pytest.mark.parametrize("is_async", [False, True], ids=["blocking", "async"])
@settings(
    max_examples=_RANDOM_EXAMPLES or 300,
    derandomize=not _RANDOM_EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(program=programs(), plan=plans)
def test_crashes_change_nothing(is_async: bool, program: Program, plan: Plan) -> None:
    """Same result, same operations, same values seen; no completed step runs again."""
    check(dataclasses.replace(program, is_async=is_async), plan)
