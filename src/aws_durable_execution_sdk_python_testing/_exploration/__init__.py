"""Crash exploration: an execution must end the same way wherever it is cut off."""

from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint, Moment
from aws_durable_execution_sdk_python_testing._exploration.crash_report import (
    BodyRow,
    CrashExplorationError,
    CrashReport,
    Divergence,
)
from aws_durable_execution_sdk_python_testing._exploration.exploring import explore

__all__ = [
    "BodyRow",
    "CrashExplorationError",
    "CrashPoint",
    "CrashReport",
    "Divergence",
    "Moment",
    "explore",
]
