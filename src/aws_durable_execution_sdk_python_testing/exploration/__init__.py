"""Crash exploration: an execution must end the same way wherever it is cut off."""

from aws_durable_execution_sdk_python_testing.exploration.exploring import explore
from aws_durable_execution_sdk_python_testing.exploration.points import CrashPoint, Moment
from aws_durable_execution_sdk_python_testing.exploration.report import (
    BodyRow,
    CrashExplorationError,
    CrashReport,
    Divergence,
)

__all__ = [
    "BodyRow",
    "CrashExplorationError",
    "CrashPoint",
    "CrashReport",
    "Divergence",
    "Moment",
    "explore",
]
