"""DUR101 to DUR106: what differs between two runs, used outside a step."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located, shown
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule, through
from aws_durable_execution_sdk_python_testing._lint.rules.known_calls import (
    CLOCK,
    ENVIRONMENT,
    FILES,
    NETWORK,
    RANDOM,
    UNIQUE_ID,
    Known,
)

# Code, the functions it is about, what they do, what to do.
_KINDS = (
    ("DUR101", Known(CLOCK), "reads the clock", "read it in a step and use the step's result"),
    ("DUR102", Known(RANDOM), "draws a random value", "draw it in a step and use its result"),
    ("DUR103", Known(UNIQUE_ID), "makes a new id", "make it in a step and use the step's result"),
    (
        "DUR104",
        Known(ENVIRONMENT),
        "uses the environment",
        "read it in a step, or once at import if it never changes",
    ),
    ("DUR105", Known(NETWORK), "calls the outside world", "make the call in a step"),
    ("DUR106", Known(FILES), "uses the file system", "use it in a step"),
)
# These do something, whatever becomes of their value.
_ACTING = ("DUR105", "DUR106")
_ENVIRONS = frozenset({"os.environ", "os.environb"})
_LOG_METHODS = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})


def check_outside(program: LintedModule) -> Iterator[Located]:
    """Calls of functions that give something else when the handler is replayed."""
    for scope, chain in program.outside.items():
        for node in scope.nodes:
            found = _kind_of(program, node)
            if found is not None and isinstance(node, ast.expr):
                code, does, remedy, name = found
                if code not in _ACTING and _is_logged(program, node):
                    continue
                message = (
                    f"{name} {does} outside a step{through(chain)}, "
                    f"again and differently on replay: {remedy}"
                )
                yield Located(node, code, message)


def differs(program: LintedModule, node: ast.AST) -> bool:
    """Whether a node is one of these calls."""
    return _kind_of(program, node) is not None


def _is_logged(program: LintedModule, node: ast.AST) -> bool:
    """Whether the value goes to a log and nowhere else."""
    for around in program.source.around(node):
        if isinstance(around, ast.stmt):
            return False
        if isinstance(around, ast.Call):
            function = around.func
            name = function.attr if isinstance(function, ast.Attribute) else None
            if name in _LOG_METHODS or program.source.dotted(function) == "builtins.print":
                return True
    return False


def _kind_of(program: LintedModule, node: ast.AST) -> tuple[str, str, str, str] | None:
    if isinstance(node, ast.Call):
        dotted = program.source.dotted(node.func)
        for code, known, does, remedy in _KINDS:
            if dotted is not None and known.matches(dotted, node):
                return code, does, remedy, f"{shown(node.func)}()"
    elif isinstance(node, ast.Name | ast.Attribute) and _is_environment(program, node):
        code, _, does, remedy = _KINDS[3]
        return code, does, remedy, shown(node)
    return None


def _is_environment(program: LintedModule, node: ast.expr) -> bool:
    """`os.environ` where it is looked at; its methods and other names for it are apart."""
    parent = program.source.scopes.parents.get(node)
    if isinstance(parent, ast.Attribute | ast.Assign):
        return False
    return program.source.dotted(node) in _ENVIRONS
