"""Docstrings are in one dialect, which the API reference is made of, and their examples are true.

The dialect's sections are `Parameters:`, `Attributes:`, `Returns:`, `Raises:` and `Example:`, each
an indented list or text below its name; `a, b: ...` describes both. `tools/docstring_dialect.py`
reads it.
"""

from __future__ import annotations

import ast
import builtins
import doctest
import functools
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

import aws_durable_execution_sdk_python
import aws_durable_execution_sdk_python_testing

PACKAGES = (aws_durable_execution_sdk_python, aws_durable_execution_sdk_python_testing)
ROOTS = [Path(package.__file__ or "").parent for package in PACKAGES]
# Without what `durable init` writes: programs of others.
TREES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for root in ROOTS
    for path in root.rglob("*.py")
    if "templates" not in path.parts
}

SECTIONS = "Parameters|Attributes|Returns|Raises|Example"
# What other dialects call these, or have besides.
FOREIGN = re.compile(
    r"^ *(?:(?:args|arguments|params|keyword (?:args|arguments|parameters)|other parameters|return"
    r"|yields?|receives|raise|exceptions?|throws|examples|notes?|usage|warns|warnings|see also"
    r"|references|todo|parameters|attributes|returns|raises|example) *:|-{3,}|:\w[\w ]*:.*"
    r"|@(?:param|return|raises?|throws)\b.*)$",
    re.IGNORECASE | re.MULTILINE,
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function


class Docstring(NamedTuple):
    path: Path
    node: Documented
    text: str

    def __str__(self) -> str:
        return f"{self.path.stem}.{getattr(self.node, 'name', '')}"

    def section(self, name: str) -> str:
        """What stands below a section's name."""
        found = re.search(rf"^{name}:\n((?:    .*\n|\n)+)", self.text + "\n", re.MULTILINE)
        return "" if found is None else textwrap.dedent(found[1])

    def described(self, name: str) -> set[str]:
        """The names of a section's items."""
        items = re.findall(r"^\S.*$", self.section(name), re.MULTILINE)
        assert all(re.match(r"[*\w][^:]*: \S", item) for item in items), f"{self}: {items}"
        return {one.strip(" *") for item in items for one in item.partition(":")[0].split(",")}


ALL = [
    Docstring(path, node, text)
    for path, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, Documented) and (text := ast.get_docstring(node)) is not None
]
CLASSES = {
    node.name: node
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
}


# ------------------------------------------------------------------------------------ the dialect


def parameters(function: Function) -> set[str]:
    given = function.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    return {one.arg for one in every if one is not None}


def with_bases(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """The class and, as far as they are ours, the classes it is made of."""
    yield node
    for base in node.bases:
        name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        if name in CLASSES:
            yield from with_bases(CLASSES[name])


def members(node: ast.ClassDef) -> set[str]:
    """What may be given to a class, or asked of an instance."""
    names: set[str] = set()
    for inner in (inner for owner in with_bases(node) for inner in ast.walk(owner)):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
        if isinstance(inner, ast.FunctionDef) and inner.name in ("__init__", "__new__"):
            names |= parameters(inner)
    return names


def test_no_docstring_is_in_another_dialect() -> None:
    found = {
        f"{docstring}: {line}"
        for docstring in ALL
        for line in FOREIGN.findall(re.sub(rf"^(?:{SECTIONS}):$", "", docstring.text, flags=re.M))
    }
    assert not found


def test_what_is_described_is_there() -> None:
    wrong = {}
    for docstring in ALL:
        node = docstring.node
        described = docstring.described("Parameters") | docstring.described("Attributes")
        if not described:
            continue
        assert not isinstance(node, ast.Module), docstring
        known = members(node) if isinstance(node, ast.ClassDef) else parameters(node)
        if described - known:
            wrong[str(docstring)] = described - known
    assert not wrong


# ----------------------------------------------------------------------------------- the examples

# Python, as it stands or in a fence; what is typed into a shell is for tests of the commands.
EXAMPLES = [
    docstring
    for docstring in ALL
    if docstring.section("Example") and not docstring.section("Example").startswith("durable ")
]


def code_of(example: str) -> str:
    if ">>> " in example:
        return "".join(one.source for one in doctest.DocTestParser().get_examples(example))
    return re.sub(r"^```.*$", "", example, flags=re.MULTILINE)


@functools.cache
def documented_names() -> dict[str, Any]:
    """What the two packages export, and their public modules."""
    names: dict[str, Any] = {}
    for root, package in zip(ROOTS, PACKAGES, strict=True):
        for path in sorted(root.rglob("[!_]*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if not any(part.startswith("_") for part in parts):
                names |= vars(importlib.import_module(".".join((package.__name__, *parts))))
        names |= {name: getattr(package, name) for name in package.__all__}
    return names


def names_for(docstring: Docstring) -> dict[str, Any]:
    """Those that an example may use without a word: the documented, and its module's."""
    (root,) = (root for root in ROOTS if docstring.path.is_relative_to(root))
    parts = docstring.path.relative_to(root.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    return {**documented_names(), **vars(module)}


def unbound(code: str) -> set[str]:
    """The names that code uses and does not bind."""
    used, bound = set(), set(vars(builtins))
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name)
    return used - bound


@pytest.mark.parametrize("docstring", EXAMPLES, ids=str)
def test_an_example_is_python(docstring: Docstring) -> None:
    code = code_of(docstring.section("Example"))
    compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# Those that speak of a `context` or of functions of the reader's are sketches.
RUNNABLE = [
    docstring
    for docstring in EXAMPLES
    if ">>> " in docstring.section("Example")
    and not re.search(r"\bawait\b", docstring.section("Example"))
    and unbound(code_of(docstring.section("Example"))) <= names_for(docstring).keys()
]


@pytest.mark.parametrize("docstring", RUNNABLE, ids=str)
def test_an_example_that_needs_nothing_else_gives_what_it_says(
    docstring: Docstring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(
        docstring.section("Example"), names_for(docstring), str(docstring), None, None
    )
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_most_examples_with_prompts_run() -> None:
    assert len(RUNNABLE) >= 35
