"""Which functions of the module an expression stands for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from aws_durable_execution_sdk_python_testing._lint.scopes import BoundBy, Scope
from aws_durable_execution_sdk_python_testing._lint.source import Source

# A function decorated with one of these gives an operation's body when it is called.
_BINDING_DECORATORS = frozenset(
    {
        "durable_step",
        "durable_with_child_context",
        "durable_wait_for_callback",
        "durable_parallel_branch",
    }
)


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function that an expression stands for.

    Attributes:
        scope: of the function.
        given: how many leading positional parameters it has been given already (`self`, those
            of a `partial`).
        is_bound: whether it is a decorated function called with its arguments, as in `charge(5)`.
        is_wrapped: whether it is decorated by a call, as in `durable_step(charge)`.
    """

    scope: Scope
    given: int = 0
    is_bound: bool = False
    is_wrapped: bool = False

    def parameter(self, index: int) -> ast.arg | None:
        positional = self.scope.positional[self.given :]
        return positional[index] if index < len(positional) else None


class CallTargets:
    """Finds the functions of a module that expressions stand for.

    Seen through names, methods of `self`, partials, conditional expressions, functions that
    return functions, and the SDK's decorators called with arguments.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        # Also what breaks circles: an expression being looked at stands for nothing yet.
        self._known: dict[ast.expr, tuple[FoundFunction, ...]] = {}
        self._groups: dict[ast.expr, tuple[FoundFunction, ...]] = {}

    def of(self, expression: ast.expr) -> tuple[FoundFunction, ...]:
        """The functions that an expression stands for; none if that is not known."""
        if expression not in self._known:
            self._known[expression] = ()
            self._known[expression] = tuple(dict.fromkeys(self._find(expression)))
        return self._known[expression]

    def among(self, expression: ast.expr) -> tuple[FoundFunction, ...]:
        """The functions in a list, tuple or comprehension, or those of a single expression."""
        if expression not in self._groups:
            self._groups[expression] = ()
            self._groups[expression] = tuple(dict.fromkeys(self._find_among(expression)))
        return self._groups[expression]

    def called(self, call: ast.Call) -> Iterator[FoundFunction]:
        """The functions whose bodies a call runs.

        A call of a decorated step only binds its arguments, so it runs nothing.
        """
        owner = self._source.local_class(call.func)
        if owner is not None:
            yield from (FoundFunction(scope, 1) for scope in self._source.constructors(owner))
            return
        for function in self.of(call.func):
            if not function.is_bound and not self.binds(function):
                yield function

    def binds(self, function: FoundFunction) -> bool:
        """Whether calling the function gives an operation's body instead of running it."""
        decorators = self._source.decorators(function.scope)
        return function.is_wrapped or not _BINDING_DECORATORS.isdisjoint(decorators)

    def _find(self, expression: ast.expr) -> Iterator[FoundFunction]:
        match expression:
            case ast.Lambda():
                yield FoundFunction(self._source.scopes.of[expression])
            case ast.Name():
                yield from self._named(expression)
            case ast.Attribute():
                yield from self._methods(expression)
            case ast.Call():
                yield from self._returned(expression)
            case ast.IfExp(body=body, orelse=other):
                yield from self.of(body)
                yield from self.of(other)
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                yield from self.of(value)
            case _:
                pass

    def _find_among(self, expression: ast.expr) -> Iterator[FoundFunction]:
        match expression:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                for element in elements:
                    yield from self.among(element)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                yield from self.of(element)
            case ast.Starred(value=value):
                yield from self.among(value)
            case ast.Name():
                for value in self._elements(expression):
                    yield from self.among(value)
                yield from self.of(expression)
            case _:
                yield from self.of(expression)

    def _elements(self, name: ast.Name) -> Iterator[ast.expr]:
        """What a variable's list begins with, and what is appended to it."""
        for binding in self._source.bindings(name):
            if isinstance(binding.value, ast.List | ast.Tuple | ast.ListComp):
                yield binding.value
        parents = self._source.scopes.parents
        home = self._source.scopes.at[name].home_of(name.id)
        for use in self._source.uses.get((home, name.id), ()) if home else ():
            match parents.get(parents[use]):
                case ast.Call(func=ast.Attribute(value=value, attr="append"), args=[element]):
                    if value is use:
                        yield element
                case _:
                    pass

    def _named(self, name: ast.Name) -> Iterator[FoundFunction]:
        for binding in self._source.bindings(name):
            if binding.by is BoundBy.FUNCTION:
                yield FoundFunction(self._source.scopes.of[binding.node])
            elif binding.by is BoundBy.VALUE and binding.value is not None:
                yield from self.of(binding.value)

    def _methods(self, expression: ast.Attribute) -> Iterator[FoundFunction]:
        """The methods behind `self.name`, `Class.name` and `instance.name`."""
        value, name = expression.value, expression.attr
        owner, given = self._source.self_class(value), 1
        if owner is None:
            owner, given = self._source.local_class(value), 0
        if owner is None and isinstance(value, ast.Name):
            binding = self._source.only_binding(value)
            if binding is not None and isinstance(binding.value, ast.Call):
                owner, given = self._source.local_class(binding.value.func), 1
        if owner is not None:
            for scope in self._source.methods(owner, name):
                yield FoundFunction(scope, self._given(scope, given))

    def _given(self, method: Scope, given: int) -> int:
        decorators = getattr(method.node, "decorator_list", [])
        kinds = {self._source.dotted(decorator) for decorator in decorators}
        if "builtins.staticmethod" in kinds:
            return 0
        return 1 if "builtins.classmethod" in kinds else given

    def _returned(self, call: ast.Call) -> Iterator[FoundFunction]:
        """The functions that a call gives: a partial's, a decorated one's, those it returns."""
        owner = self._source.local_class(call.func)
        if owner is not None:
            for scope in self._source.methods(owner, "__call__"):
                yield FoundFunction(scope, 1)
        elif self._source.dotted(call.func) == "functools.partial" and call.args:
            for function in self.of(call.args[0]):
                yield replace(function, given=function.given + len(call.args) - 1)
        elif (name := self._source.sdk_name(call.func)) is not None:
            wrapped = argument(call, 0, "func")
            for function in self.of(wrapped) if wrapped is not None else ():
                yield replace(function, is_wrapped=name in _BINDING_DECORATORS)
        else:
            for factory in self.of(call.func):
                yield from self._made_by(factory)

    def _made_by(self, factory: FoundFunction) -> Iterator[FoundFunction]:
        if self.binds(factory):
            yield replace(factory, is_bound=True)
        elif isinstance(factory.scope.node, ast.Lambda):
            yield from self.of(factory.scope.node.body)
        elif not factory.scope.is_async:
            for node in factory.scope.nodes:
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from self.of(node.value)


def argument(call: ast.Call, index: int, keyword: str) -> ast.expr | None:
    """A call's argument, given by position or by name."""
    if index < len(call.args) and not any(
        isinstance(one, ast.Starred) for one in call.args[: index + 1]
    ):
        return call.args[index]
    return next((one.value for one in call.keywords if one.arg == keyword), None)
