"""Reads function declarations: JSON and TOML files, SAM templates, the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing._declarations import sam_templates
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    hosted,
)

_PARSERS: Mapping[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": sam_templates.parse_template,
    ".yml": sam_templates.parse_template,
    ".template": sam_templates.parse_template,
}


def read_file(path: Path, region: str | None = None) -> list[DeclaredFunction]:
    """The functions a file declares.

    Parameters:
        path: a JSON or TOML file that maps names to declarations (see `DeclaredFunction.read`),
            or a SAM template, whose `AWS::Serverless::Function` resources are taken.
        region: of a template's functions; None takes the service's default.

    Raises:
        DeclarationError: the file cannot be read, or declares something impossible.
    """
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise DeclarationError(f"{path}: must be one of {', '.join(_PARSERS)}")
    try:
        declared = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(declared, Mapping):
        raise DeclarationError(f"{path}: must map names to functions")
    if "Resources" in declared:
        return sam_templates.functions(declared, path.parent, region)
    return read_mapping(declared)


def read_mapping(declared: Mapping[str, Any]) -> list[DeclaredFunction]:
    """The functions of a mapping from names to declarations."""
    return [DeclaredFunction.read(name, one) for name, one in declared.items()]


def read_option(text: str) -> list[DeclaredFunction]:
    """The functions of `--function-configs`: JSON text, or `file://` and a path."""
    if text.startswith("file://"):
        return read_file(Path(text.removeprefix("file://")))
    try:
        declared = json.loads(text)
    except ValueError as error:
        raise DeclarationError(f"not valid JSON: {error}") from error
    if not isinstance(declared, Mapping):
        raise DeclarationError("must map names to functions")
    return read_mapping(declared)


def read_assignment(text: str) -> DeclaredFunction:
    """The function of `NAME=FILE_OR_MODULE:HANDLER`."""
    name, equals, handler = text.partition("=")
    if not equals or not handler:
        raise DeclarationError(f"must be NAME=FILE_OR_MODULE:HANDLER, not {text!r}")
    return hosted(name, handler)
