"""DUR701: patches whose answer is not what the code takes it for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule


def check_patches(program: LintedModule) -> Iterator[Located]:
    """`patched` without a look at its answer, and `deprecate_patch` with one."""
    for scope in (program.source.scopes.module, *program.source.functions):
        for operation in program.operations.in_scope(scope):
            misuse = _misuse(operation, program.source.scopes.parents.get(operation.call))
            if misuse is not None:
                yield Located(operation.call, "DUR701", f"{operation.text} {misuse}")


def _misuse(operation: DurableCall, parent: ast.AST | None) -> str | None:
    match operation.method, parent:
        case "patched", ast.Expr():
            return (
                "decides nothing if its answer is dropped: ask it in an `if`, or write "
                "deprecate_patch if only the new code is left"
            )
        case "patched", ast.Await():
            return "gives a bool and no coroutine: take the `await` away"
        case "deprecate_patch", ast.Expr() | ast.Lambda():
            return None
        case "deprecate_patch", _:
            return (
                "gives no answer, so the new code would never run: make it a statement of its own, "
                "and keep only the new code"
            )
        case _:
            return None
