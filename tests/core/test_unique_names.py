"""Modules and public classes of the two packages have names of their own."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import aws_durable_execution_sdk_python
import aws_durable_execution_sdk_python_testing

ROOTS = [
    Path(package.__file__ or "").parent
    for package in (aws_durable_execution_sdk_python, aws_durable_execution_sdk_python_testing)
]
# Without what `durable init` writes: new projects of the same shape.
PATHS = [path for root in ROOTS for path in root.rglob("*.py") if "templates" not in path.parts]

# Documented in both packages, or by the API that both speak.
SHARED_MODULES = {"exceptions", "execution", "model"}
SHARED_CLASSES = {"CallbackTimeoutError", "LambdaContext", "Operation"}


def doubles(names: Iterable[tuple[str, Path]]) -> set[str]:
    places: dict[str, set[Path]] = defaultdict(set)
    for name, path in names:
        places[name].add(path)
    return {name for name, paths in places.items() if len(paths) > 1}


def test_no_two_modules_share_a_name_without_need() -> None:
    names = [(path.stem, path) for path in PATHS if path.stem != "__init__"]
    assert doubles(names) <= SHARED_MODULES


def test_no_two_public_classes_share_a_name_without_need() -> None:
    names = [
        (node.name, path)
        for path in PATHS
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert doubles(names) <= SHARED_CLASSES
