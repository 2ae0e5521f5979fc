"""Reports as text, as JSON and as SARIF."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from aws_durable_execution_sdk_python import __version__
from aws_durable_execution_sdk_python_testing._lint.codes import CODES, Code
from aws_durable_execution_sdk_python_testing._lint.findings import Finding, Problem, Report

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(report: Report) -> str:
    """One line for each finding, as compilers write them, and a line that counts them."""
    lines = [
        f"{one.path}:{one.line}:{one.column}: {one.code} {one.message}" for one in report.findings
    ]
    lines += [f"{one.path}: cannot be linted: {one.reason}" for one in report.problems]
    files = "1 file" if report.files == 1 else f"{report.files} files"
    if not report.findings:
        return "\n".join([*lines, f"nothing found in {files}"])
    counts = Counter(one.code for one in report.findings)
    summary = ", ".join(f"{code}: {count}" for code, count in sorted(counts.items()))
    return "\n".join([*lines, f"{len(report.findings)} found in {files} ({summary})"])


def as_json(report: Report) -> str:
    """`{"files": ..., "findings": [...], "problems": [...]}`; members as the classes have them."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def as_sarif(report: Report) -> str:
    """A SARIF 2.1.0 log, which code scanning services read."""
    driver = {
        "name": "durable lint",
        "version": __version__,
        "rules": [_rule(code) for code in CODES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in report.findings],
        "invocations": [
            {
                "executionSuccessful": not report.problems,
                "toolExecutionNotifications": [_notification(one) for one in report.problems],
            }
        ],
    }
    log = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
}


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.id,
        "name": "".join(part.capitalize() for part in code.name.split("-")),
        "shortDescription": {"text": code.summary},
        "help": {"text": f"{code.summary}. See docs/lint/{code.id}.md."},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(finding: Finding) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    return {
        "ruleId": finding.code,
        "ruleIndex": list(CODES).index(finding.code),
        "level": "warning",
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": {**_file(finding.path), "region": region}}],
    }


def _notification(problem: Problem) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": problem.reason},
        "locations": [{"physicalLocation": _file(problem.path)}],
    }


def _file(path: str) -> dict[str, Any]:
    """The file as a URI: relative paths stay relative, so that logs can be moved."""
    place = PurePath(path)
    uri = place.as_uri() if place.is_absolute() else quote(place.as_posix())
    return {"artifactLocation": {"uri": uri}}
