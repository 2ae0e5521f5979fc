"""A module's source, parsed: names resolved to what they stand for."""

from __future__ import annotations

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from aws_durable_execution_sdk_python_testing._lint.scopes import (
    FUNCTIONS,
    Binding,
    BoundBy,
    Scope,
    ScopeTree,
)

SDK = "aws_durable_execution_sdk_python"
# Chains of assignments are followed so far; longer ones, and circles, resolve to nothing.
_LONGEST_CHAIN = 12
_ALTERNATIVES = frozenset({"typing.Optional", "typing.Union", "typing.Annotated"})
_CONSTRUCTORS = ("__init__", "__post_init__")


class Source:
    """A parsed module and the questions the lint asks about its names.

    Attributes:
        scopes: the scopes of the module.
        functions: those of functions and lambdas, outer before inner.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.scopes = ScopeTree(tree)
        self.functions = [scope for scope in self.scopes.scopes if scope.is_function]

    @cached_property
    def uses(self) -> dict[tuple[Scope, str], list[ast.Name]]:
        """Every place that mentions a name, by the scope that it belongs to."""
        found: dict[tuple[Scope, str], list[ast.Name]] = defaultdict(list)
        for node, scope in self.scopes.at.items():
            home = scope.home_of(node.id) if isinstance(node, ast.Name) else None
            if isinstance(node, ast.Name) and home is not None:
                found[home, node.id].append(node)
        return found

    @cached_property
    def attributes(self) -> dict[str, list[ast.Attribute]]:
        """Every access of an attribute, by its name."""
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for node in self.scopes.at:
            if isinstance(node, ast.Attribute):
                found[node.attr].append(node)
        return found

    def bindings(self, name: ast.Name) -> list[Binding]:
        """What binds a name, anywhere in the scope that it belongs to."""
        home = self.scopes.at[name].home_of(name.id)
        return home.bindings.get(name.id, []) if home is not None else []

    def only_binding(self, name: ast.Name) -> Binding | None:
        """What binds a name, if there is exactly one such place."""
        found = self.bindings(name)
        return found[0] if len(found) == 1 else None

    def dotted(self, expression: ast.AST, depth: int = 0) -> str | None:
        """The dotted name of what was imported: `t.time` is "time.time" after `import time as t`.

        What a call returns is written with parentheses: "boto3.client().put_object". Builtins
        are "builtins.open" and so on. None where it cannot be told.
        """
        if depth > _LONGEST_CHAIN:
            return None
        match expression:
            case ast.Name():
                return self._dotted_name(expression, depth)
            case ast.Attribute(value=value, attr=attribute):
                base = self.dotted(value, depth + 1)
                return base and f"{base}.{attribute}"
            case ast.Call(func=function):
                base = self.dotted(function, depth + 1)
                return base and f"{base}()"
            case ast.Await(value=value):
                return self.dotted(value, depth + 1)
            case _:
                return None

    def _dotted_name(self, name: ast.Name, depth: int) -> str | None:
        found = [one for one in self.bindings(name) if not _is_none(one.value)]
        if not found:
            return self._unbound(name.id)
        if all(binding.by is BoundBy.IMPORT for binding in found):
            return found[-1].target
        if len(found) == 1 and found[0].by is BoundBy.VALUE and found[0].value is not None:
            return self.dotted(found[0].value, depth + 1)
        return None

    def _unbound(self, name: str) -> str | None:
        if hasattr(builtins, name):
            return f"builtins.{name}"
        return next((f"{one}.{name}" for one in self.scopes.star_imports if _is_sdk(one)), None)

    def sdk_name(self, expression: ast.AST) -> str | None:
        """The last part of the name of something that the SDK exports."""
        dotted = self.dotted(expression) or ""
        return dotted.rpartition(".")[2] if _is_sdk(dotted) else None

    def annotated(self, annotation: ast.expr | None) -> Iterator[str]:
        """The SDK's classes that an annotation allows: `A | None`, `Optional[A]`, quoted or not."""
        match annotation:
            case ast.Constant(value=str(text)):
                for part in text.split("|"):
                    yield part.strip().rpartition(".")[2]
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from self.annotated(left)
                yield from self.annotated(right)
            case ast.Subscript(value=outer, slice=inner) if self.dotted(outer) in _ALTERNATIVES:
                for one in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
                    yield from self.annotated(one)
            case ast.Name() | ast.Attribute():
                yield from filter(None, [self.sdk_name(annotation)])
            case _:
                pass

    def class_around(self, function: Scope) -> Scope | None:
        """The class that a function is a method of."""
        parent = function.parent
        return parent if parent and isinstance(parent.node, ast.ClassDef) else None

    def self_class(self, expression: ast.expr) -> Scope | None:
        """The class of `self` or `cls`, wherever in the method it is used."""
        if not isinstance(expression, ast.Name):
            return None
        binding = self.only_binding(expression)
        if binding is None or binding.by is not BoundBy.PARAMETER:
            return None
        first = binding.scope.positional[:1]
        return self.class_around(binding.scope) if binding.node in first else None

    def local_class(self, expression: ast.expr) -> Scope | None:
        """The class that a name stands for, if this module defines it."""
        if not isinstance(expression, ast.Name):
            return None
        binding = self.only_binding(expression)
        if binding is None or binding.by is not BoundBy.CLASS:
            return None
        return self.scopes.of[binding.node]

    def methods(self, owner: Scope, name: str) -> list[Scope]:
        """The functions that a class defines under a name."""
        found = owner.bindings.get(name, ())
        return [self.scopes.of[one.node] for one in found if one.by is BoundBy.FUNCTION]

    def constructors(self, owner: Scope) -> list[Scope]:
        return [scope for name in _CONSTRUCTORS for scope in self.methods(owner, name)]

    def decorators(self, function: Scope) -> list[str]:
        """The SDK's decorators on a function, `@durable_execution(...)` like the bare form."""
        names: list[str] = []
        for decorator in getattr(function.node, "decorator_list", []):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = self.sdk_name(called)
            if name is not None:
                names.append(name)
        return names

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, innermost first, up to the function that it is in."""
        parent = self.scopes.parents.get(node)
        while parent is not None and not isinstance(parent, FUNCTIONS):
            yield parent
            parent = self.scopes.parents.get(parent)


def _is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_sdk(dotted: str) -> bool:
    return dotted == SDK or dotted.startswith(f"{SDK}.")
