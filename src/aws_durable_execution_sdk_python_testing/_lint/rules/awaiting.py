"""DUR601: operations of an async context that are not awaited."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Scope

# Under these, an expression is used as a value that a coroutine cannot be.
_VALUE_USES = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.FormattedValue,
    ast.UnaryOp,
    ast.If,
    ast.While,
    ast.For,
    ast.Assert,
)
# Decorated with these, a function's result is stored, and no coroutine can be.
_STORING = frozenset({"durable_execution", "durable_with_child_context"})


def check_awaiting(program: LintedModule) -> Iterator[Located]:
    """Operations whose coroutine is dropped, or used as if it were the result."""
    for scope in (program.source.scopes.module, *program.source.functions):
        for operation in program.operations.in_scope(scope):
            if operation.is_to_be_awaited:
                yield from _check(program, scope, operation)


def _check(program: LintedModule, scope: Scope, operation: DurableCall) -> Iterator[Located]:
    misuse = _misuse(program, scope, operation.call)
    if misuse is not None:
        message = (
            f"{operation.text} of an async context {misuse}: write "
            f"`await {operation.text[:-2]}(...)`, or hand it to asyncio.gather"
        )
        yield Located(operation.call, "DUR601", message)


def _misuse(program: LintedModule, scope: Scope, call: ast.Call) -> str | None:
    """What is done to a coroutine instead of awaiting it."""
    parent = program.source.scopes.parents.get(call)
    match parent:
        case ast.Expr():
            return "is never awaited"
        case ast.Return() if _stores_result(program, scope):
            return "is returned instead of awaited"
        case ast.Assign(targets=[ast.Name() as name]) | ast.AnnAssign(target=ast.Name() as name):
            return _misused_name(program, name)
        case _:
            return "is used without being awaited" if _is_value_use(parent, call) else None


def _stores_result(program: LintedModule, scope: Scope) -> bool:
    return scope.is_async and not _STORING.isdisjoint(program.source.decorators(scope))


def _is_value_use(parent: ast.AST | None, child: ast.AST) -> bool:
    if isinstance(parent, ast.Subscript):
        return parent.value is child
    if isinstance(parent, ast.If | ast.While | ast.Assert):
        return parent.test is child
    if isinstance(parent, ast.BoolOp):
        return False  # `cached or context.step(...)` is awaited as a whole
    return isinstance(parent, _VALUE_USES)


def _misused_name(program: LintedModule, name: ast.Name) -> str | None:
    """What is done to the variable that holds the coroutine, if nothing awaits it."""
    if program.source.only_binding(name) is None:
        return None
    home = program.source.scopes.at[name].home_of(name.id)
    if home is None or home is program.source.scopes.module:
        return None
    uses = program.source.uses[home, name.id]
    loads = [use for use in uses if isinstance(use.ctx, ast.Load)]
    if not loads:
        return "is never awaited"
    parents = program.source.scopes.parents
    if all(_is_value_use(parents.get(load), load) for load in loads):
        return "is used without being awaited"
    return None
