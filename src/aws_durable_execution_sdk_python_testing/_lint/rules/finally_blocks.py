"""DUR402: a finally that swallows what suspends the handler."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.rules.swallowing import operation_in

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def check_finally(program: LintedModule) -> Iterator[Located]:
    """`return`, `break` and `continue` in a finally around durable operations."""
    for scope in program.outside:
        for node in scope.nodes:
            if not isinstance(node, ast.Try | ast.TryStar) or not node.finalbody:
                continue
            handlers = [one for handler in node.handlers for one in handler.body]
            operation = operation_in(program, [*node.body, *handlers, *node.orelse])
            if operation is None:
                continue
            for leaving, word in _leaving(node.finalbody, in_loop=False):
                message = (
                    f"{word} in a finally around {operation} swallows the suspension that ends an "
                    "invocation while it waits, and every error: let the finally end by itself"
                )
                yield Located(leaving, "DUR402", message)


def _leaving(body: Iterable[ast.AST], *, in_loop: bool) -> Iterator[tuple[ast.stmt, str]]:
    """What leaves these statements for good, with the word for it."""
    for node in body:
        if isinstance(node, ast.Return):
            yield node, "return"
        elif isinstance(node, ast.Break | ast.Continue) and not in_loop:
            yield node, "break" if isinstance(node, ast.Break) else "continue"
        elif not isinstance(node, _INNER):
            inside = in_loop or isinstance(node, _LOOPS)
            yield from _leaving(ast.iter_child_nodes(node), in_loop=inside)
