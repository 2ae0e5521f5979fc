"""What the lint reports."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

_SHOWN = 60


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes:
        path: the file, as it was given.
        line: from 1.
        column: from 1, in characters.
        code: see `codes.CODES`.
        message: what is wrong and what to do.
        end_line: where the code in question ends.
        end_column: the column after its last character.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be linted, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of linting files.

    Attributes:
        findings: by file, line and column.
        problems: the files that could not be read or parsed.
        files: how many were linted.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0


class UnreadableSourceError(Exception):
    """The text is not Python that this interpreter can parse."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding as a rule makes it: the node says where."""

    node: ast.expr | ast.stmt | ast.ExceptHandler
    code: str
    message: str


def shown(expression: ast.expr) -> str:
    """An expression as messages show it: on one line, and not too much of it."""
    text = " ".join(ast.unparse(expression).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
