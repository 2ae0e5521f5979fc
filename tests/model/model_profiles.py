"""How many random programs a test tries, by the profile of Hypothesis that is in force.

A nightly run may be done in parts, at once or one after the other: with `MODEL_PARTS=100` in
the environment a run tries a hundredth of the programs. Each draws others; `--hypothesis-seed`
says which.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Of all tests together: without a profile, and with one.
_DEFAULT_PROGRAMS = 100
_PROGRAMS = {"thorough": 2_000, "nightly": 100_000}


def programs_to_try(share: float, steps: int = 50) -> settings:
    """Settings of a test that tries this share of the programs.

    Parameters:
        share: from 0 to 1; those of all tests of programs add up to 1.
        steps: how many steps of a state machine make a program, at most.
    """
    profile = next((name for name in _PROGRAMS if settings.default is _profile(name)), None)
    programs = _PROGRAMS.get(profile or "", _DEFAULT_PROGRAMS)
    if profile == "nightly":
        programs //= int(os.environ.get("MODEL_PARTS", "1"))
    return settings(
        max_examples=max(1, round(share * programs)),
        derandomize=profile != "nightly",
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def _profile(name: str) -> settings:
    return settings.get_profile(name)
