"""The determinism lint: finds durable code that a replay would not repeat.

`durable lint` on the command line, a flake8 plugin, and these functions.
"""

from aws_durable_execution_sdk_python_testing._lint.codes import CODES, Code, Selection
from aws_durable_execution_sdk_python_testing._lint.findings import (
    Finding,
    Problem,
    Report,
    UnreadableSourceError,
)
from aws_durable_execution_sdk_python_testing._lint.linter import lint_paths, lint_source

__all__ = [
    "CODES",
    "Code",
    "Finding",
    "Problem",
    "Report",
    "Selection",
    "UnreadableSourceError",
    "lint_paths",
    "lint_source",
]
