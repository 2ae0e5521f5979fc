"""DUR301 to DUR304: state that is changed where a replay does not change it again."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.call_targets import FoundFunction
from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall, Role
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.mutations import (
    Mutation,
    attribute_readers,
    is_container,
    is_guarded,
    mutations,
    readers,
    root_of,
)
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule, through
from aws_durable_execution_sdk_python_testing._lint.scopes import Binding, Scope

# What a step does to its argument with these, it does to the handler's object.
_IN_PLACE = frozenset({"append", "clear", "extend", "insert", "pop", "remove", "sort", "update"})


def check_steps(program: LintedModule) -> Iterator[Located]:
    """Changes that a step makes to what it closes over, and that other durable code sees."""
    for scope, chain in program.inside.items():
        for mutation in _outside_of(program, scope):
            if mutation.attribute:
                others = attribute_readers(program, mutation)
            else:
                others = readers(program, mutation)
            reader = next((one for one in others if one is not scope), None)
            if reader is not None and not is_guarded(program, mutation):
                message = (
                    f"a step changes {mutation.text!r}{through(chain)}, which {reader.name} "
                    "reads: on replay the step does not run, and the change is missing; "
                    "return the value from the step"
                )
                yield Located(mutation.node, "DUR301", message)


def check_children(program: LintedModule) -> Iterator[Located]:
    """Changes that a child context's function makes to what it closes over."""
    for scope in program.operations.with_role(Role.CHILD):
        if Role.STEP in program.operations.roles(scope):
            continue
        for mutation in _outside_of(program, scope):
            if mutation.attribute or is_guarded(program, mutation):
                continue
            reader = next((one for one in readers(program, mutation) if one is not scope), None)
            if reader is not None:
                message = (
                    f"a child context changes {mutation.text!r}, which {reader.name} reads: "
                    "once it has completed, a replay takes its result without running it, and "
                    "the change is missing; return the value"
                )
                yield Located(mutation.node, "DUR302", message)


def check_handlers(program: LintedModule) -> Iterator[Located]:
    """Changes of state that outlives the handler, made outside steps."""
    for scope, chain in program.outside.items():
        if Role.CHILD in program.operations.roles(scope):
            continue
        for mutation in _outside_of(program, scope):
            if mutation.attribute or _is_durable(program, mutation.home):
                continue
            if is_guarded(program, mutation) or next(readers(program, mutation), None) is None:
                continue
            message = (
                f"{mutation.text!r} is changed outside a step{through(chain)} and outlives the "
                "handler: each replay changes it again, and another process begins anew; "
                "keep it in a local variable or in a step's result"
            )
            yield Located(mutation.node, "DUR303", message)


def check_arguments(program: LintedModule) -> Iterator[Located]:
    """Objects handed to a step whose result is dropped, and changed in the step or after it."""
    for scope in program.outside:
        changed = list(mutations(program, scope))
        for operation in program.operations.in_scope(scope):
            if operation.method == "step" and _is_dropped(program, operation.call):
                for binding, changes in _handed(program, scope, operation):
                    yield from _check_argument(program, operation, binding, changes, changed)


def _check_argument(
    program: LintedModule,
    operation: DurableCall,
    binding: Binding,
    changes: bool | None,
    changed: list[Mutation],
) -> Iterator[Located]:
    """One argument: whether the step changes it (None: not known), and what happens later."""
    if changes is False:
        return
    later = [
        mutation
        for mutation in changed
        if binding in program.source.bindings(mutation.root)
        and mutation.node.lineno > operation.call.lineno
    ]
    updates = [one for one in later if isinstance(one.node, ast.AugAssign)]
    if updates:
        message = (
            f"{binding.name!r} was handed to a step and is changed outside of it: what the step "
            "did to it is missing on replay; return the new value from a step"
        )
        yield Located(updates[0].node, "DUR304", message)
    elif changes and _is_used_after(program, operation, binding):
        message = (
            f"this step changes {binding.name!r}, and its result is dropped: on replay the step "
            f"does not run, and the change is missing; write `{binding.name} = ...step(...)`"
        )
        yield Located(operation.call, "DUR304", message)


def _handed(
    program: LintedModule, scope: Scope, operation: DurableCall
) -> Iterator[tuple[Binding, bool | None]]:
    """The containers of the handler given to the step, and whether the step changes each."""
    bound = program.operations.body(operation)
    if not isinstance(bound, ast.Call):
        return
    found = [one for one in program.targets.of(bound) if one.is_bound]
    for index, given in enumerate(bound.args):
        binding = program.source.only_binding(given) if isinstance(given, ast.Name) else None
        if binding is None or binding.scope is not scope or not is_container(program, binding):
            continue
        verdicts = {_changes(program, function, index) for function in found}
        yield binding, None if not found else True in verdicts


def _changes(program: LintedModule, function: FoundFunction, index: int) -> bool:
    offset = program.operations.step_offset(function.scope)
    parameter = function.parameter(index + offset)
    if parameter is None:
        return False
    for node in function.scope.nodes:
        for target in _changed_by(node):
            root = root_of(target)
            if root is not None and root.id == parameter.arg:
                return True
    return False


def _changed_by(node: ast.AST) -> list[ast.expr]:
    """The expressions whose values a node changes in place."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [target for target in targets if not isinstance(target, ast.Name)]
        case ast.AugAssign(target=target):
            return [target]
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _IN_PLACE:
            return [value]
        case _:
            return []


def _is_dropped(program: LintedModule, call: ast.Call) -> bool:
    parent = program.source.scopes.parents.get(call)
    if isinstance(parent, ast.Await):
        parent = program.source.scopes.parents.get(parent)
    return isinstance(parent, ast.Expr)


def _is_used_after(program: LintedModule, operation: DurableCall, binding: Binding) -> bool:
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.lineno > (operation.call.end_lineno or operation.call.lineno)
        and binding in program.source.bindings(node)
        for node in binding.scope.nodes
    )


def _outside_of(program: LintedModule, scope: Scope) -> Iterator[Mutation]:
    """The changes a function makes to objects of other scopes, `self` of a method included."""
    for mutation in mutations(program, scope):
        is_own = mutation.home.owner is scope
        if not is_own or mutation.attribute is not None:
            yield mutation


def _is_durable(program: LintedModule, home: Scope) -> bool:
    """Whether a name belongs to durable code, and so begins anew with every replay."""
    return home in program.outside or home in program.inside
