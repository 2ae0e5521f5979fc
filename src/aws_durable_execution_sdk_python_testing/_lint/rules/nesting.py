"""DUR201 and DUR202: a context used inside one of its own operations."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall, Role
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Scope

_REMEDY = (
    "a step's body may call none: call it before or after, or group the operations "
    "with run_in_child_context"
)


def check_operations_in_steps(program: LintedModule) -> Iterator[Located]:
    """Durable operations called by a step's body, itself or through other functions."""
    for scope in program.operations.with_role(Role.STEP):
        for node in scope.nodes:
            found = program.operation_at(node)
            if found is None or not isinstance(node, ast.Call):
                continue
            if isinstance(found, DurableCall):
                what = f"{found.text} is a durable operation inside a step"
            else:
                what = f"{found}() calls durable operations, inside a step"
            yield Located(node, "DUR201", f"{what}: {_REMEDY}")


def check_outer_contexts(program: LintedModule) -> Iterator[Located]:
    """A child context's function that calls operations on a context from outside of it."""
    for scope in program.outside:
        for operation in program.operations.in_scope(scope):
            child = _child_around(program, scope, operation)
            if child is not None:
                name = operation.context.binding.name
                message = (
                    f"{operation.text} uses the outer context {name!r} inside the function of a "
                    "child context, map or parallel: use the context that "
                    f"{child.name} is given as its first argument"
                )
                yield Located(operation.call, "DUR202", message)


def _child_around(program: LintedModule, scope: Scope, operation: DurableCall) -> Scope | None:
    """The child context's function between an operation and the home of its context."""
    home = operation.context.binding.scope
    if operation.method == "result":
        return None
    for one in (scope, *scope.ancestors()):
        if one is home or home not in one.ancestors():
            return None
        if Role.CHILD in program.operations.roles(one):
            return one
    return None
