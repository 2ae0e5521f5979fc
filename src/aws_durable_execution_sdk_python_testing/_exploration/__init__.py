"""Crash exploration: an execution must end the same way wherever it is cut off."""

from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint, Moment
from aws_durable_execution_sdk_python_testing._exploration.crash_report import (
    BodyRow,
    CrashDivergence,
    CrashExplorationError,
    CrashReport,
)
from aws_durable_execution_sdk_python_testing._exploration.exploring import explore

__all__ = [
    "BodyRow",
    "CrashDivergence",
    "CrashExplorationError",
    "CrashPoint",
    "CrashReport",
    "Moment",
    "explore",
]
