"""Durable contexts and the operations called on them; which functions run as what.

Found together, since each leads to the other: a handler's context has a `map`, whose function is
given a context, on which steps are called. Everything is collected until nothing new turns up.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._lint.call_targets import (
    CallTargets,
    FoundFunction,
    argument,
)
from aws_durable_execution_sdk_python_testing._lint.findings import shown
from aws_durable_execution_sdk_python_testing._lint.scopes import Binding, BoundBy, Scope
from aws_durable_execution_sdk_python_testing._lint.source import Source


class Role(enum.Enum):
    """What a function is to the SDK."""

    HANDLER = "the durable handler, or code that is given its context"
    CHILD = "the function of a child context, a branch or a map"
    STEP = "a step's body, a callback's submitter or a condition's check"


class ContextKind(enum.Enum):
    BLOCKING = "DurableContext"
    ASYNC = "AsyncDurableContext"


@dataclass(frozen=True, slots=True)
class Context:
    """A durable context as a variable: which one, and whether its operations are awaited."""

    binding: Binding
    kind: ContextKind


@dataclass(frozen=True, slots=True)
class DurableCall:
    """A call of a durable operation. The method is "result" for a callback's answer."""

    call: ast.Call
    method: str
    context: Context

    @property
    def text(self) -> str:
        """How the operation is named in messages."""
        return f"{shown(self.call.func)}()"

    @property
    def is_to_be_awaited(self) -> bool:
        """Whether the call gives a coroutine."""
        return self.context.kind is ContextKind.ASYNC and self.method not in _PATCHES


@dataclass(frozen=True, slots=True)
class _Takes:
    """The function that an operation takes: which argument, and what it is run as."""

    index: int
    keyword: str
    role: Role
    several: bool = False


_TAKES = {
    "step": _Takes(0, "func", Role.STEP),
    "wait_for_callback": _Takes(0, "submitter", Role.STEP),
    "wait_for_condition": _Takes(0, "check", Role.STEP),
    "run_in_child_context": _Takes(0, "func", Role.CHILD),
    "map": _Takes(1, "func", Role.CHILD),
    "parallel": _Takes(0, "functions", Role.CHILD, several=True),
    # Its attempts share the caller's context, so what they run is the handler's own code.
    "with_retry": _Takes(1, "func", Role.HANDLER),
}
# They give their answer at once, in async code as well.
_PATCHES = frozenset({"patched", "deprecate_patch"})
_METHODS = (frozenset({*_TAKES, "wait", "create_callback", "invoke"}) - {"with_retry"}) | _PATCHES
# Decorator: what the function is, and which parameter is its durable context.
_DECORATORS = {
    "durable_execution": (Role.HANDLER, 1),
    "durable_with_child_context": (Role.CHILD, 0),
    "durable_parallel_branch": (Role.CHILD, 0),
    "durable_step": (Role.STEP, None),
    "durable_wait_for_callback": (Role.STEP, None),
}
# Called with a function and its arguments.
_CALL_LATER = frozenset({"functools.partial", "anyio.create_task_group().start_soon"})
_KINDS = {kind.value: kind for kind in ContextKind}
_STEP_CONTEXT_NAMES = frozenset({"step_context", "ctx", "context", "_", "_ctx"})


class DurableCalls:
    """The durable functions, contexts and operations of a module."""

    def __init__(self, source: Source, targets: CallTargets) -> None:
        self._source = source
        self._targets = targets
        self._contexts: dict[ast.AST, ContextKind] = {}
        self._roles: dict[Scope, set[Role]] = {}
        for scope in source.functions:
            self._read_signature(scope)
        self._collect()

    def roles(self, scope: Scope) -> set[Role]:
        return self._roles.get(scope, set())

    def with_role(self, *roles: Role) -> list[Scope]:
        """The functions that have one of the roles, in the order of the source."""
        return [scope for scope in self._source.functions if self.roles(scope) & set(roles)]

    def context(self, expression: ast.AST, depth: int = 0) -> Context | None:
        """The durable context that an expression stands for."""
        if not isinstance(expression, ast.Name) or depth > 5:
            return None
        binding = self._source.only_binding(expression)
        if binding is None:
            return None
        if binding.by is BoundBy.PARAMETER:
            kind = self._contexts.get(binding.node)
            return kind and Context(binding, kind)
        match binding.value:
            case ast.Name() as other:
                return self.context(other, depth + 1)
            case ast.Call(func=ast.Attribute(value=parent, attr="create_child_context")):
                found = self.context(parent, depth + 1)
                return found and Context(binding, found.kind)
            case _:
                return None

    def operation(self, node: ast.AST) -> DurableCall | None:
        """The durable operation that a node calls, if it is such a call."""
        if not isinstance(node, ast.Call):
            return None
        method, context = "", None
        match node.func:
            case ast.Attribute(value=value, attr="result" as method):
                context = self._callback(value)
            case ast.Attribute(value=value, attr=method) if method in _METHODS:
                context = self.context(value)
            case function if node.args and self._source.sdk_name(function) == "with_retry":
                method, context = "with_retry", self.context(node.args[0])
            case _:
                pass
        return DurableCall(node, method, context) if context is not None else None

    def in_scope(self, scope: Scope) -> Iterator[DurableCall]:
        """The operations that a function calls itself, not those of functions in it."""
        for node in scope.nodes:
            operation = self.operation(node)
            if operation is not None:
                yield operation

    def body(self, operation: DurableCall) -> ast.expr | None:
        """The expression for the function that an operation runs."""
        takes = _TAKES.get(operation.method)
        if takes is None:
            return None
        return argument(operation.call, takes.index, takes.keyword)

    def step_offset(self, scope: Scope) -> int:
        """How many parameters of a `@durable_step` function its caller does not give."""
        first = scope.positional[:1]
        names = {name for one in first for name in self._source.annotated(one.annotation)}
        takes = any(one.arg in _STEP_CONTEXT_NAMES for one in first) or "StepContext" in names
        return int(takes)

    def _callback(self, expression: ast.expr) -> Context | None:
        """The context that created the callback an expression stands for."""
        value: ast.expr | None = expression
        if isinstance(expression, ast.Name):
            binding = self._source.only_binding(expression)
            value = binding.value if binding is not None else None
        if isinstance(value, ast.Await):
            value = value.value
        match value:
            case ast.Call(func=ast.Attribute(value=context, attr="create_callback")):
                return self.context(context)
            case _:
                return None

    def _read_signature(self, scope: Scope) -> None:
        index: int | None = None
        for decorator in self._source.decorators(scope):
            role, index = _DECORATORS.get(decorator, (None, None))
            if role is not None:
                self._roles.setdefault(scope, set()).add(role)
                break
        for parameter in scope.parameters:
            for name in self._source.annotated(parameter.annotation):
                if name in _KINDS:
                    self._contexts[parameter] = _KINDS[name]
                    self._roles.setdefault(scope, {Role.HANDLER})
        if index is not None:
            is_method = self._source.class_around(scope) is not None
            self._give_context(FoundFunction(scope, int(is_method)), index, ContextKind.BLOCKING)

    def _collect(self) -> None:
        calls = [node for node in self._source.scopes.at if isinstance(node, ast.Call)]
        size = -1
        while size != self._size():
            size = self._size()
            for call in calls:
                operation = self.operation(call)
                if operation is not None:
                    self._read_operation(operation)
                elif self._source.sdk_name(call.func) in _DECORATORS:
                    self._read_decoration(call)
                else:
                    self._pass_contexts(call)

    def _size(self) -> int:
        return len(self._contexts) + sum(map(len, self._roles.values()))

    def _read_operation(self, operation: DurableCall) -> None:
        """Give the functions that an operation takes their role and their context."""
        takes = _TAKES.get(operation.method)
        if takes is None:
            return
        body = self.body(operation)
        given = [body] if body is not None else []
        find: Callable[[ast.expr], Iterable[FoundFunction]] = self._targets.of
        if takes.several:
            given, find = operation.call.args or given, self._targets.among
        for function in (one for expression in given for one in find(expression)):
            roles = self._roles.setdefault(function.scope, set())
            if function.is_bound and Role.STEP in roles:
                continue  # a bound step stays one, also as a branch
            roles.add(takes.role)
            if takes.role is not Role.STEP:
                self._give_context(function, 0, operation.context.kind)

    def _read_decoration(self, call: ast.Call) -> None:
        """`handler = durable_execution(function)`: a decorator called as a function."""
        role, index = _DECORATORS[self._source.sdk_name(call.func) or ""]
        for function in self._targets.of(call.args[0]) if call.args else ():
            self._roles.setdefault(function.scope, set()).add(role)
            if index is not None:
                self._give_context(function, index, ContextKind.BLOCKING)

    def _give_context(self, function: FoundFunction, index: int, parent: ContextKind) -> None:
        """Make a parameter a context, of the kind that the SDK would pass."""
        parameter = function.parameter(index)
        if parameter is None or parameter in self._contexts:
            return
        kind = parent if isinstance(function.scope.node, ast.Lambda) else ContextKind.BLOCKING
        self._contexts[parameter] = ContextKind.ASYNC if function.scope.is_async else kind

    def _pass_contexts(self, call: ast.Call) -> None:
        """A function of this module that is called with a context has it as its parameter."""
        called, given = call.func, call.args
        if given and self._source.dotted(called) in _CALL_LATER:
            called, given = given[0], given[1:]
        by_index = {index: self.context(value) for index, value in enumerate(given)}
        by_name = {one.arg: self.context(one.value) for one in call.keywords}
        if not any((*by_index.values(), *by_name.values())):
            return
        for function in self._targets.of(called):
            offset = self._offset(function)
            positional = function.scope.positional[function.given + offset :]
            for index, parameter in enumerate(positional):
                self._receive(parameter, by_index.get(index))
            for parameter in function.scope.parameters:
                self._receive(parameter, by_name.get(parameter.arg))

    def _receive(self, parameter: ast.arg, context: Context | None) -> None:
        if context is not None:
            self._contexts.setdefault(parameter, context.kind)

    def _offset(self, function: FoundFunction) -> int:
        """How many leading parameters the SDK gives when it runs a decorated function."""
        if not self._targets.binds(function):
            return 0
        is_step = Role.STEP in self.roles(function.scope)
        return self.step_offset(function.scope) if is_step else 1
