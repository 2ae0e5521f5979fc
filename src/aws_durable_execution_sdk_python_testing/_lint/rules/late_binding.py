"""DUR305: functions made in a loop that see its variable as it is in the end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Scope

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_ADDING = frozenset({"append", "add", "insert", "appendleft"})


def check_late_binding(program: LintedModule) -> Iterator[Located]:
    """Lambdas that are collected in a loop for later and read what the loop goes over."""
    for scope in program.durable:
        for node in scope.nodes:
            if isinstance(node, ast.Lambda):
                name = _late_name(program, scope, node)
                if name is not None:
                    message = (
                        f"the lambda reads {name!r} when it runs, and by then the loop is over: "
                        "all of them see its last value; bind it with a default, as in "
                        f"{name}={name}"
                    )
                    yield Located(node, "DUR305", message)


def _late_name(program: LintedModule, scope: Scope, function: ast.Lambda) -> str | None:
    """The loop's variable that a lambda reads too late, if it is kept for later."""
    parents = program.source.scopes.parents
    collected = _is_collected(parents, function)
    own = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    read = {
        node.id
        for node in ast.walk(function.body)
        if isinstance(node, ast.Name) and node.id not in own
    }
    around = parents.get(function)
    while collected and around is not None and around is not scope.node:
        for name in _targets(around):
            if name in read:
                return name
        around = parents.get(around)
    return None


def _is_collected(parents: dict[ast.AST, ast.AST], function: ast.Lambda) -> bool:
    """Whether it becomes an element: of a comprehension, or of a list that it is added to."""
    inner: ast.AST = function
    parent = parents.get(inner)
    # `ParallelBranch(lambda ...)` is an element too.
    if isinstance(parent, ast.keyword):
        inner, parent = parent, parents.get(parent)
    if isinstance(parent, ast.Call) and _name(parent.func) in ("ParallelBranch", "partial"):
        inner, parent = parent, parents.get(parent)
    if isinstance(parent, _COMPREHENSIONS):
        return parent.elt is inner
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
        return parent.func.attr in _ADDING and inner in parent.args
    return False


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.For | ast.AsyncFor):
        loops: list[ast.expr] = [node.target]
    elif isinstance(node, _COMPREHENSIONS):
        loops = [generator.target for generator in node.generators]
    else:
        return
    for target in loops:
        for one in ast.walk(target):
            if isinstance(one, ast.Name):
                yield one.id
