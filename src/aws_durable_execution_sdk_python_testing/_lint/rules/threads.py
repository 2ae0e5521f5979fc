"""DUR203: a context that is handed to a thread or a process."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located, shown
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule

# Callables whose arguments, or what these close over, go to another thread or process.
_STARTERS = frozenset(
    {
        "threading.Thread",
        "threading.Timer",
        "multiprocessing.Process",
        "asyncio.to_thread",
        "anyio.to_thread.run_sync",
        "_thread.start_new_thread",
    }
)
_POOLS = frozenset(
    {
        "concurrent.futures.ThreadPoolExecutor()",
        "concurrent.futures.ProcessPoolExecutor()",
        "multiprocessing.Pool()",
        "multiprocessing.pool.ThreadPool()",
    }
)
_METHODS = frozenset({"submit", "map", "apply", "apply_async", "map_async", "starmap"})


def check_threads(program: LintedModule) -> Iterator[Located]:
    """Contexts, and functions that use one, in the arguments of what runs them elsewhere."""
    for scope in program.durable:
        for node in scope.nodes:
            if not isinstance(node, ast.Call) or not _goes_elsewhere(program, node):
                continue
            context = _context_in(program, node)
            if context is not None:
                message = (
                    f"{context!r} is used in a thread by {shown(node.func)}(): a context belongs "
                    "to the code it was given to; use map, parallel or run_in_child_context"
                )
                yield Located(node, "DUR203", message)


def _goes_elsewhere(program: LintedModule, call: ast.Call) -> bool:
    dotted = program.source.dotted(call.func)
    if dotted is None:
        return False
    if dotted in _STARTERS:
        return True
    owner, _, method = dotted.rpartition(".")
    if method == "run_in_executor":
        return True
    return method in _METHODS and owner in _POOLS


def _context_in(program: LintedModule, call: ast.Call) -> str | None:
    """The first context in the arguments: itself, its method, or in a function's body."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    for argument in arguments:
        for node in (argument, *ast.walk(argument), *_body(program, argument)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                context = program.operations.context(node)
                if context is not None and context.binding.scope.owner is not _own(program, node):
                    return node.id
                if context is not None and node in ast.walk(argument):
                    return node.id
    return None


def _own(program: LintedModule, node: ast.AST) -> object:
    return program.source.scopes.at[node].owner


def _body(program: LintedModule, argument: ast.expr) -> Iterator[ast.AST]:
    """The nodes of a local function that is given by its name."""
    if not isinstance(argument, ast.Name):
        return
    binding = program.source.only_binding(argument)
    if binding is not None and isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from ast.walk(binding.node)
