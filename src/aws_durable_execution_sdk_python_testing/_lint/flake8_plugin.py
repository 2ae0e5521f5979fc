"""The lint as a flake8 plugin: installed beside flake8, its codes appear among the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import ClassVar

from aws_durable_execution_sdk_python import __version__
from aws_durable_execution_sdk_python_testing._lint.findings import UnreadableSourceError
from aws_durable_execution_sdk_python_testing._lint.linter import lint_tree


class DurablePlugin:
    """What flake8 makes for each file; the entry point `DUR` of `flake8.extension`.

    `# durable: ignore[DUR101]` works as in `durable lint`, and flake8 itself sees to `# noqa`.
    """

    name: ClassVar[str] = "durable-lint"
    version: ClassVar[str] = __version__

    def __init__(self, tree: ast.Module, lines: Sequence[str]) -> None:
        self._tree = tree
        self._text = "".join(lines)

    def run(self) -> Iterator[tuple[int, int, str, type[DurablePlugin]]]:
        """Line, column from 0, code and message, and this class, for each finding."""
        try:
            findings = lint_tree(self._tree, self._text, "")
        except UnreadableSourceError:
            return  # nested too deeply: flake8 reports what it cannot read itself
        for finding in findings:
            text = f"{finding.code} {finding.message}"
            yield finding.line, finding.column - 1, text, type(self)
