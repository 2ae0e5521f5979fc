"""`durable lint`: find code that a replay would not repeat."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._cli.exit_statuses import FAILED
from aws_durable_execution_sdk_python_testing._cli.output import say
from aws_durable_execution_sdk_python_testing._lint.findings import Problem as Unread
from aws_durable_execution_sdk_python_testing._lint.linter import decode
from aws_durable_execution_sdk_python_testing._lint.report_formats import FORMATS
from aws_durable_execution_sdk_python_testing._results.harmless import harmless_json
from aws_durable_execution_sdk_python_testing.lint import (
    Report,
    Selection,
    UnreadableSourceError,
    lint_paths,
    lint_source,
)

_UNREADABLE = 2


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--select", default="", help="Only these codes or prefixes, separated by commas.")
@click.option("--ignore", default="", help="Not these codes or prefixes.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave out files and directories."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How to print; sarif is what code scanning services read.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.option(
    "--stdin-filename", default="<stdin>", show_default=True, help="What to call the file of `-`."
)
def lint(
    paths: tuple[str, ...],
    select: str,
    ignore: str,
    exclude: tuple[str, ...],
    form: str,
    output: Path | None,
    stdin_filename: str,
) -> None:
    """Find code that a replay would not repeat, in PATHS (default: here).

    PATHS are files and directories; - is standard input. A finding is silenced by a comment on
    its line, `# durable: ignore[DUR101]`. Each code has its page in docs/lint.

    Ends with 0 if nothing is found, 1 if something is, and 2 if a file cannot be read.
    """
    try:
        selection = Selection(_split(select), _split(ignore))
    except ValueError as error:
        raise CommandError(str(error)) from error
    report = _lint(paths or (".",), selection, exclude, stdin_filename)
    text = FORMATS[form](report)
    _write(text if form == "text" else harmless_json(text), output)
    if report.problems:
        if form != "text" or output is not None:
            for problem in report.problems:
                say(f"{problem.path}: cannot be linted: {problem.reason}", err=True)
        sys.exit(_UNREADABLE)
    if report.findings:
        sys.exit(FAILED)


def _lint(
    paths: Sequence[str], selection: Selection, exclude: Sequence[str], stdin_filename: str
) -> Report:
    report = lint_paths(
        [path for path in paths if path != "-"], selection=selection, exclude=exclude
    )
    if "-" not in paths:
        return report
    try:
        text = decode(sys.stdin.buffer.read())
        found = lint_source(text, stdin_filename, selection=selection)
    except UnreadableSourceError as error:
        problem = Unread(stdin_filename, str(error))
        return Report(report.findings, [*report.problems, problem], report.files)
    return Report([*report.findings, *found], report.problems, report.files + 1)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        say(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror}") from error


def _split(codes: str) -> list[str]:
    return [code.strip().upper() for code in codes.split(",") if code.strip()]
