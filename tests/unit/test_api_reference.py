"""Everything public is in the API reference, and the reference names nothing that is not there."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import pytest
import typing_extensions

import aws_durable_execution_sdk_python
import aws_durable_execution_sdk_python_testing

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "api-reference").glob("*.md"))
DIRECTIVE = re.compile(r"^ *::: ([\w.]+)$", re.MULTILINE)
# Public as a whole, though they list nothing.
UNLISTED = {"exceptions", "logger", "waits", "pytest_plugin"}
# The command line has a page of its own.
LEFT_OUT = {"__version__", "main", "missing_attribute"}


def public_modules() -> Iterator[ModuleType]:
    for package in (aws_durable_execution_sdk_python, aws_durable_execution_sdk_python_testing):
        root = Path(package.__file__ or "").parent
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            if "._" in name:
                continue
            module = importlib.import_module(name)
            if hasattr(module, "__all__") or path.stem in UNLISTED:
                yield module


def named(path: str) -> tuple[object, str]:
    """What a path leads to, and the last name in it."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return found, parts[-1]
    raise AssertionError(path)


def exported(module: ModuleType) -> dict[str, object]:
    """The public names of a module: those it lists, or else what it defines."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return {name: getattr(module, name) for name in listed}
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith(("_", "pytest_"))
        and getattr(value, "__module__", "") == module.__name__
        and not isinstance(value, TypeVar | typing_extensions.TypeVar)
    }


DIRECTIVES = [path for page in PAGES for path in DIRECTIVE.findall(page.read_text("utf-8"))]


def test_everything_public_is_in_the_reference() -> None:
    shown: set[object] = set()
    names: set[str] = set()
    for path in DIRECTIVES:
        found, name = named(path)
        every = exported(found) if isinstance(found, ModuleType) else {name: found}
        names |= every.keys()
        shown |= {id(one) for one in every.values()}
    missing = {
        f"{module.__name__}.{name}"
        for module in public_modules()
        for name, value in exported(module).items()
        if name not in names and id(value) not in shown and name not in LEFT_OUT
    }
    assert not missing


@pytest.mark.parametrize("path", DIRECTIVES)
def test_what_the_reference_names_is_there(path: str) -> None:
    found, _ = named(path)
    if isinstance(found, FunctionType):
        assert found.__doc__, f"{path} has no docstring"
