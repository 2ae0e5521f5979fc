"""DUR401: an except that catches what suspends the handler."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule

_REMEDY = "catch Exception or the operation's own error, or raise again"


def check_swallowing(program: LintedModule) -> Iterator[Located]:
    """Bare excepts and `except BaseException` around durable operations."""
    for scope in program.outside:
        for node in scope.nodes:
            if isinstance(node, ast.Try | ast.TryStar):
                yield from _check_try(program, node)
            elif isinstance(node, ast.With | ast.AsyncWith):
                yield from _check_with(program, node)


def _check_try(program: LintedModule, node: ast.Try | ast.TryStar) -> Iterator[Located]:
    for handler in node.handlers:
        caught = _catches_all(program, handler.type)
        if caught is None or _raises_again(program, handler):
            continue
        operation = operation_in(program, node.body)
        if operation is not None:
            yield Located(handler, "DUR401", _message(caught, operation))


def _check_with(program: LintedModule, node: ast.With | ast.AsyncWith) -> Iterator[Located]:
    for item in node.items:
        call = item.context_expr
        if not isinstance(call, ast.Call):
            continue
        if program.source.dotted(call.func) != "contextlib.suppress":
            continue
        if any(_catches_all(program, argument) for argument in call.args):
            operation = operation_in(program, node.body)
            if operation is not None:
                yield Located(call, "DUR401", _message("suppress(BaseException)", operation))


def _message(caught: str, operation: str) -> str:
    return (
        f"{caught} around {operation} also catches the suspension that ends an invocation "
        f"while it waits: {_REMEDY}"
    )


def _catches_all(program: LintedModule, caught: ast.expr | None) -> str | None:
    """How an except that catches everything is written; None for any other."""
    if caught is None:
        return "a bare except"
    classes = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    for one in classes:
        if program.source.dotted(one) == "builtins.BaseException":
            return "except BaseException"
    return None


def _raises_again(program: LintedModule, handler: ast.ExceptHandler) -> bool:
    """Whether the handler raises what it caught, at least on one of its ways."""
    for statement in handler.body:
        for node in program.runs(statement):
            if isinstance(node, ast.Raise):
                if node.exc is None:
                    return True
                if isinstance(node.exc, ast.Name) and node.exc.id == handler.name:
                    return True
    return False


def operation_in(program: LintedModule, body: Iterable[ast.stmt]) -> str | None:
    """The first operation that statements call, as messages name it."""
    for statement in body:
        for node in program.runs(statement):
            found = program.operation_at(node)
            if found is not None:
                return found.text if isinstance(found, DurableCall) else f"{found}()"
    return None
