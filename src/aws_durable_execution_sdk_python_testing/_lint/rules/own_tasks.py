"""DUR603: concurrent coroutines that call operations on one context."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import (
    COMPREHENSIONS,
    Binding,
    BoundBy,
    Scope,
)

_TOGETHER = frozenset({"asyncio.gather", "asyncio.wait", "asyncio.as_completed"})
_SPAWNING = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.TaskGroup().create_task",
        "asyncio.get_event_loop().create_task",
        "asyncio.get_running_loop().create_task",
    }
)
_SPAWNING_FUNCTIONS = frozenset({"anyio.create_task_group().start_soon"})
_LOOPS = (ast.For, ast.AsyncFor, ast.While, *COMPREHENSIONS)


@dataclass(frozen=True, slots=True)
class _Coroutine:
    """A coroutine about to run concurrently: how many operations it calls on which context."""

    node: ast.expr
    name: str
    context: Binding
    operations: int


def check_tasks(program: LintedModule) -> Iterator[Located]:
    """Coroutines of several operations each that run concurrently on one context."""
    for scope in program.durable:
        for node in scope.nodes:
            if not isinstance(node, ast.Call):
                continue
            dotted = program.source.dotted(node.func)
            if dotted in _TOGETHER:
                yield from _check_together(program, node)
            elif dotted in _SPAWNING or dotted in _SPAWNING_FUNCTIONS:
                yield from _check_spawned(program, node, dotted in _SPAWNING_FUNCTIONS)


def _check_together(program: LintedModule, call: ast.Call) -> Iterator[Located]:
    coroutines = []
    shared: list[Binding] = []
    for expression, times in _gathered(program, call.args):
        operation = program.operations.operation(expression)
        if operation is not None:
            shared.append(operation.context.binding)
        for coroutine in _coroutines(program, expression):
            coroutines.append(coroutine)
            shared.extend([coroutine.context] * times)
    for coroutine in coroutines:
        if coroutine.operations > 1 and shared.count(coroutine.context) > 1:
            yield _found(coroutine, "runs concurrently with others")


def _check_spawned(program: LintedModule, call: ast.Call, is_function: bool) -> Iterator[Located]:
    if isinstance(program.source.scopes.parents.get(call), ast.Await):
        return
    if is_function and call.args:
        call = ast.copy_location(
            ast.Call(func=call.args[0], args=call.args[1:], keywords=call.keywords), call
        )
        found = list(_coroutines(program, call))
    else:
        found = [one for first in call.args[:1] for one in _coroutines(program, first)]
    for coroutine in found:
        if coroutine.operations > 1:
            yield _found(coroutine, "runs as a task of its own")


def _found(coroutine: _Coroutine, how: str) -> Located:
    message = (
        f"{coroutine.name}() calls several operations on the context "
        f"{coroutine.context.name!r} and {how}, so their order can differ on replay: "
        "give each a context of its own with run_in_child_context or parallel"
    )
    return Located(coroutine.node, "DUR603", message)


def _gathered(
    program: LintedModule, arguments: Iterable[ast.expr], *, follow: bool = True
) -> Iterator[tuple[ast.expr, int]]:
    """The awaitables among the arguments, and 2 for one that a comprehension repeats."""
    for argument in arguments:
        match argument:
            case ast.Starred(value=value):
                yield from _gathered(program, [value], follow=follow)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                yield from _gathered(program, elements, follow=follow)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                yield element, 2
            case ast.Name() if follow:
                binding = program.source.only_binding(argument)
                if (
                    binding is not None
                    and binding.by is BoundBy.VALUE
                    and binding.value is not None
                ):
                    yield from _gathered(program, [binding.value], follow=False)
            case _:
                yield argument, 1


def _coroutines(program: LintedModule, expression: ast.expr) -> Iterator[_Coroutine]:
    if not isinstance(expression, ast.Call):
        return
    for function in program.targets.called(expression):
        if function.scope.is_async:
            counts = _Counter(program).uses(expression, function.scope)
            for context, operations in counts.items():
                yield _Coroutine(expression, function.scope.name, context, operations)


class _Counter:
    """Counts the operations that a call leads to, by context; of two branches the longer."""

    def __init__(self, program: LintedModule) -> None:
        self._program = program
        # Of a function being counted: nothing, so that recursion ends.
        self._bodies: dict[Scope, dict[Binding, int]] = {}

    def uses(self, call: ast.Call, scope: Scope) -> dict[Binding, int]:
        """The operations of a called function on contexts of its caller."""
        if isinstance(scope.node, ast.Lambda):
            return {}
        if scope not in self._bodies:
            self._bodies[scope] = {}
            self._bodies[scope] = self._block(getattr(scope.node, "body", []))
        counts: dict[Binding, int] = {}
        for binding, count in self._bodies[scope].items():
            outer = self._given(call, scope, binding) if binding.scope is scope else binding
            if outer is not None:
                counts[outer] = counts.get(outer, 0) + count
        return counts

    def _given(self, call: ast.Call, scope: Scope, parameter: Binding) -> Binding | None:
        """The caller's context that a parameter stands for."""
        for function in self._program.targets.of(call.func):
            for index, argument in enumerate(call.args):
                context = self._program.operations.context(argument)
                if function.parameter(index) is parameter.node and context is not None:
                    return context.binding
        for keyword in call.keywords:
            context = self._program.operations.context(keyword.value)
            if keyword.arg == parameter.name and context is not None:
                return context.binding
        return None

    def _block(self, statements: list[ast.stmt]) -> dict[Binding, int]:
        total: dict[Binding, int] = {}
        for index, statement in enumerate(statements):
            if isinstance(statement, ast.If) and _leaves(statement.body):
                rest = [*statement.orelse, *statements[index + 1 :]]
                longer = _longer(self._block(statement.body), self._block(rest))
                return _sum(total, self._node(statement.test), longer)
            total = _sum(total, self._node(statement))
        return total

    def _node(self, node: ast.AST) -> dict[Binding, int]:
        if isinstance(node, ast.If | ast.IfExp):
            branches = [
                self._block(part) if isinstance(part, list) else self._node(part)
                for part in (node.body, node.orelse)
            ]
            return _sum(self._node(node.test), _longer(*branches))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return {}
        total = self._call(node) if isinstance(node, ast.Call) else {}
        for child in ast.iter_child_nodes(node):
            total = _sum(total, self._node(child))
        return _sum(total, total) if isinstance(node, _LOOPS) else total

    def _call(self, call: ast.Call) -> dict[Binding, int]:
        operation = self._program.operations.operation(call)
        if operation is not None:
            is_async = operation.is_to_be_awaited and operation.method != "result"
            return {operation.context.binding: 1} if is_async else {}
        total: dict[Binding, int] = {}
        for function in self._program.targets.called(call):
            total = _longer(total, self.uses(call, function.scope))
        return total


def _leaves(statements: list[ast.stmt]) -> bool:
    return bool(statements) and isinstance(
        statements[-1], ast.Return | ast.Raise | ast.Continue | ast.Break
    )


def _sum(*counts: dict[Binding, int]) -> dict[Binding, int]:
    total: dict[Binding, int] = {}
    for count in counts:
        for binding, number in count.items():
            total[binding] = total.get(binding, 0) + number
    return total


def _longer(*counts: dict[Binding, int]) -> dict[Binding, int]:
    total: dict[Binding, int] = {}
    for count in counts:
        for binding, number in count.items():
            total[binding] = max(total.get(binding, 0), number)
    return total
