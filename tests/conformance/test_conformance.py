"""Every conformance requirement holds, for a blocking and for an async handler, in process and
over HTTP: there a real boto3 client invokes the handler, reads its history and acts on callbacks.

The requirements were recorded by the service's owner on the real service. They lie beside the
repository and are not part of it; where they are absent there is nothing to test.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import pytest
from conformance_matcher import default_retry_differences, history_differences
from conformance_requirements import LogExpectation, Requirement, load_all
from conformance_run import Recording, run
from conformance_services import Open, direct, served
from handlers import callback, child, step, wait, wait_for_condition
from handlers.registry import FLAVOURS, Flavour

_GROUPS = {
    "callback": callback.HANDLERS,
    "child": child.HANDLERS,
    "step": step.HANDLERS,
    "wait": wait.HANDLERS,
    "wait_for_condition": wait_for_condition.HANDLERS,
}
_REQUIREMENTS = load_all()
_SERVICES: dict[str, Open] = {"in process": direct, "over HTTP": served}
_ABSENT = pytest.param(
    None,
    "blocking",
    direct,
    id="requirements",
    marks=pytest.mark.skip(reason="the conformance requirements are not on this machine"),
)
_CASES = [
    pytest.param(requirement, flavour, service, id=f"{requirement.id}[{flavour}, {where}]")
    for requirement in _REQUIREMENTS
    for flavour in FLAVOURS
    for where, service in _SERVICES.items()
]


@pytest.mark.parametrize(("requirement", "flavour", "service"), _CASES or [_ABSENT])
def test_requirement(
    requirement: Requirement,
    flavour: Flavour,
    service: Open,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """History, result and log lines are those the requirement lists."""
    caplog.set_level(logging.INFO)
    group, _, number = requirement.id.partition("/")
    handlers = _GROUPS[group]
    recording = run(requirement, lambda one: handlers.make(number, flavour, one), service)
    running = requirement.result is None
    assert history_differences(requirement.events, recording.events, running=running) == []
    if requirement.result is not None:
        _check_result(requirement.result, recording)
    if requirement.default_retries is not None:
        assert default_retry_differences(requirement.default_retries, recording.events) == []
    lines = _lines(caplog.records, recording.arn)
    for expected in requirement.logs:
        assert _count(lines, expected) == expected.count, (expected, lines)


def _check_result(expected: Mapping[str, Any], recording: Recording) -> None:
    assert recording.execution["Status"] == expected["ExecutionStatus"], recording.execution
    if "Result" in expected:
        assert recording.result == expected["Result"]


def _lines(records: list[logging.LogRecord], arn: str) -> list[str]:
    """What was logged for an execution, in the form Lambda gives it."""
    ours = [record for record in records if getattr(record, "executionArn", None) == arn]
    return [f"[{record.levelname}] {record.getMessage()}" for record in ours]


def _count(lines: list[str], expected: LogExpectation) -> int:
    return sum(re.search(expected.pattern, line) is not None for line in lines)
