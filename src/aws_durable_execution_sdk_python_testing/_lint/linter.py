"""From source text, or from paths, to findings."""

from __future__ import annotations

import ast
import fnmatch
import io
import os
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from aws_durable_execution_sdk_python_testing._lint.codes import Selection
from aws_durable_execution_sdk_python_testing._lint.findings import (
    Finding,
    Located,
    Problem,
    Report,
    UnreadableSourceError,
)
from aws_durable_execution_sdk_python_testing._lint.ignores import Ignores
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.rules import RULES
from aws_durable_execution_sdk_python_testing._lint.source import SDK

# Directories that are not looked into, besides hidden ones and virtual environments.
_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages"})
_EVERYTHING = Selection()
# What the parser takes for the end of a line; str.splitlines knows more.
_LINE_END = re.compile(r"\r\n?|\n")


def lint_source(
    text: str, filename: str = "<string>", *, selection: Selection = _EVERYTHING
) -> list[Finding]:
    """Look for code that a replay would not repeat, in the source of a module.

    A module that does not import the execution SDK has no findings.

    Parameters:
        text: the source.
        filename: what findings call the file.
        selection: which codes to report.

    Returns:
        The findings, by line and column.

    Raises:
        UnreadableSourceError: the text is not Python that this interpreter can parse.

    Example:
        >>> program = '''
        ... import random
        ... from aws_durable_execution_sdk_python import durable_execution
        ... @durable_execution
        ... def handler(event, context):
        ...     return random.random()
        ... '''
        >>> for finding in lint_source(program, "app.py"):
        ...     print(finding.line, finding.code, finding.message)
        6 DUR102 random.random() ...
    """
    return _lint(parse(text), text, filename, selection, noqa=True)


def lint_tree(tree: ast.Module, text: str, filename: str) -> list[Finding]:
    """The same for a module that is parsed already; `# noqa` is left to the caller."""
    return _lint(tree, text, filename, _EVERYTHING, noqa=False)


def lint_paths(
    paths: Sequence[str | os.PathLike[str]],
    *,
    selection: Selection = _EVERYTHING,
    exclude: Sequence[str] = (),
) -> Report:
    """Lint files, and the Python files below directories.

    Hidden directories, virtual environments, `build`, `dist`, `node_modules` and the like are
    not looked into, unless they are given.

    Parameters:
        paths: files and directories.
        selection: which codes to report.
        exclude: patterns (`*`, `?`) of files and directories to leave out, compared with each
            path from its beginning and with each of its parts.

    Returns:
        The findings, and the files that could not be read or parsed. Nothing is raised for these.

    Example:
        >>> report = lint_paths(["."], exclude=["*_old.py"])
        >>> assert not report.findings and not report.problems
    """
    findings: list[Finding] = []
    problems: list[Problem] = []
    files = 0
    for path in dict.fromkeys(_files(paths, exclude, problems)):
        try:
            text = decode(path.read_bytes())
            findings += lint_source(text, str(path), selection=selection)
        except (OSError, UnreadableSourceError) as error:
            problems.append(Problem(str(path), _reason(error)))
        else:
            files += 1
    return Report(findings, problems, files)


def decode(content: bytes) -> str:
    """The text of a source file: UTF-8, or as its first lines declare.

    Raises:
        UnreadableSourceError: it is not in that encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding).read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UnreadableSourceError(str(error)) from error


def parse(text: str) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        UnreadableSourceError: the text cannot be parsed; the message says where and why.
    """
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UnreadableSourceError(f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSourceError(str(error) or "nested too deeply") from error


def _lint(
    tree: ast.Module, text: str, filename: str, selection: Selection, *, noqa: bool
) -> list[Finding]:
    if SDK not in text:
        return []
    lines = _LINE_END.split(text)
    try:
        found = set(_run(tree, filename, lines))
    except RecursionError as error:
        raise UnreadableSourceError("nested too deeply") from error
    ignores = Ignores(text, noqa=noqa)
    left = [*ignores.apply(sorted(found)), *ignores.complaints(filename)]
    return sorted(finding for finding in left if finding.code in selection)


def _run(tree: ast.Module, filename: str, lines: list[str]) -> Iterator[Finding]:
    program = LintedModule(tree)
    if program.durable:
        for rule in RULES:
            for located in rule(program):
                yield _place(located, filename, lines)


def _place(located: Located, filename: str, lines: list[str]) -> Finding:
    """With columns in characters: the parser counts bytes of UTF-8."""
    node = located.node
    end_offset = node.end_col_offset or node.col_offset
    end_line = node.end_lineno or node.lineno
    if isinstance(node, ast.ExceptHandler):
        # Its first line is meant, not what it does with the error.
        end_line, end_offset = node.lineno, node.col_offset + len("except")
        if node.type is not None:
            end_line = node.type.end_lineno or node.lineno
            end_offset = node.type.end_col_offset or end_offset
    return Finding(
        filename,
        node.lineno,
        _column(lines, node.lineno, node.col_offset),
        located.code,
        located.message,
        end_line,
        _column(lines, end_line, end_offset),
    )


def _column(lines: list[str], line: int, offset: int) -> int:
    text = lines[line - 1] if line <= len(lines) else ""
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _files(
    paths: Iterable[str | os.PathLike[str]], exclude: Sequence[str], problems: list[Problem]
) -> Iterator[Path]:
    for path in map(Path, paths):
        if _is_excluded(path, exclude):
            continue
        if not path.is_dir():
            yield path
            continue
        for directory, inner, names in os.walk(path, onerror=_collect(problems)):
            here = Path(directory)
            inner[:] = sorted(one for one in inner if _is_looked_into(here / one, exclude))
            for name in sorted(names):
                if name.endswith((".py", ".pyw")) and not _is_excluded(here / name, exclude):
                    yield here / name


def _collect(problems: list[Problem]) -> Callable[[OSError], None]:
    return lambda error: problems.append(Problem(str(error.filename), _reason(error)))


def _is_looked_into(directory: Path, exclude: Sequence[str]) -> bool:
    name = directory.name
    if name.startswith(".") or name in _SKIPPED or (directory / "pyvenv.cfg").exists():
        return False
    return not _is_excluded(directory, exclude)


def _is_excluded(path: Path, patterns: Sequence[str]) -> bool:
    whole = path.as_posix()
    return any(
        fnmatch.fnmatch(whole, pattern.rstrip("/"))
        or any(fnmatch.fnmatch(part, pattern.rstrip("/")) for part in path.parts)
        for pattern in patterns
    )
