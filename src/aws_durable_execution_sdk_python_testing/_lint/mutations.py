"""Where functions change objects that they did not make, and who looks at these afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Binding, BoundBy, Scope

_MUTATORS = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "difference_update",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "intersection_update",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "symmetric_difference_update",
        "update",
    }
)
_CONTAINERS = frozenset(
    {
        "builtins.list",
        "builtins.dict",
        "builtins.set",
        "builtins.bytearray",
        "collections.defaultdict",
        "collections.deque",
        "collections.Counter",
        "collections.OrderedDict",
    }
)
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A statement or call that changes an object, or rebinds a name of another scope.

    Attributes:
        node: the change.
        root: the name at its left end: `data` in `data["a"].append(1)`.
        home: the scope of that name.
        is_update: whether the new value depends on the old: `+=` and mutating methods.
        attribute: of `self.attribute = ...`.
    """

    node: ast.expr | ast.stmt
    root: ast.Name
    home: Scope
    is_update: bool
    attribute: str | None = None

    @property
    def text(self) -> str:
        return f"{self.root.id}.{self.attribute}" if self.attribute else self.root.id


def mutations(program: LintedModule, scope: Scope) -> Iterator[Mutation]:
    """The changes that a function makes itself, to whatever it can reach by a name."""
    for node in scope.nodes:
        if isinstance(node, ast.Assign | ast.Delete):
            for target in node.targets:
                yield from _of_target(program, node, target, False)
        elif isinstance(node, ast.AugAssign):
            yield from _of_target(program, node, node.target, True)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _of_target(program, node, node.target, False)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _of_method(program, node, node.func)


def is_container(program: LintedModule, binding: Binding) -> bool:
    """Whether a name is bound to a list, dict, set or the like, as far as can be seen."""
    if isinstance(binding.value, _DISPLAYS):
        return True
    if isinstance(binding.value, ast.Call):
        return program.source.dotted(_base(binding.value.func)) in _CONTAINERS
    return (
        binding.annotation is not None
        and program.source.dotted(_base(binding.annotation)) in _CONTAINERS
    )


def is_guarded(program: LintedModule, mutation: Mutation) -> bool:
    """Whether the change is a cache's: made only where the variable was found wanting.

    Under an `if` that asks about it, in the `except` of a `try` that used it, or `x = x or ...`.
    """
    name = mutation.root.id
    match mutation.node:
        case ast.Assign(value=ast.BoolOp(values=values)) if name in _names(values[0]):
            return True
        case _:
            pass
    inner: ast.AST = mutation.node
    for around in program.source.around(mutation.node):
        if isinstance(around, ast.If) and name in _names(around.test):
            return True
        if isinstance(around, ast.Try) and isinstance(inner, ast.ExceptHandler):
            return any(name in _names(statement) for statement in around.body)
        inner = around
    return False


def readers(program: LintedModule, mutation: Mutation) -> Iterator[Scope]:
    """The durable functions that look at what was changed."""
    for name in program.source.uses.get((mutation.home, mutation.root.id), ()):
        scope = program.source.scopes.at[name].owner
        if scope in program.durable and _is_read(program, name):
            yield scope


def attribute_readers(program: LintedModule, mutation: Mutation) -> Iterator[Scope]:
    """The durable methods of the same class that look at the attribute."""
    owner = program.source.self_class(mutation.root)
    if owner is None:
        return
    for node in program.source.attributes.get(mutation.attribute or "", ()):
        scope = program.source.scopes.at[node].owner
        is_read = scope in program.durable and isinstance(node.ctx, ast.Load)
        if is_read and program.source.self_class(node.value) is owner:
            yield scope


def root_of(expression: ast.expr) -> ast.Name | None:
    """The name at the left end of a chain of attributes and subscripts."""
    while isinstance(expression, ast.Attribute | ast.Subscript):
        expression = expression.value
    return expression if isinstance(expression, ast.Name) else None


def _of_target(
    program: LintedModule, node: ast.stmt, target: ast.expr, is_update: bool
) -> Iterator[Mutation]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _of_target(program, node, element, is_update)
        return
    root = root_of(target)
    home = _home(program, root)
    if root is None or home is None:
        return
    if isinstance(target, ast.Name):
        if home is not program.source.scopes.at[root].owner:
            yield Mutation(node, root, home, is_update)
        return
    attribute = None
    if isinstance(target, ast.Attribute) and program.source.self_class(target.value):
        attribute = target.attr
    if _is_changeable(program, root, target):
        yield Mutation(node, root, home, is_update, attribute)


def _of_method(program: LintedModule, call: ast.Call, method: ast.Attribute) -> Iterator[Mutation]:
    root = root_of(method.value)
    home = _home(program, root)
    if root is None or home is None or method.attr not in _MUTATORS:
        return
    if any(is_container(program, binding) for binding in program.source.bindings(root)):
        yield Mutation(call, root, home, True)


def _is_changeable(program: LintedModule, root: ast.Name, target: ast.expr) -> bool:
    """Whether storing under a name changes an object of the program's own.

    A subscript of a global of unknown class may be a database; attributes are always state.
    """
    found = program.source.bindings(root)
    if any(binding.by is BoundBy.IMPORT for binding in found):
        return False
    if isinstance(target, ast.Attribute):
        return True
    is_local = all(binding.scope.is_function for binding in found)
    return is_local or any(is_container(program, binding) for binding in found)


def _home(program: LintedModule, root: ast.Name | None) -> Scope | None:
    return program.source.scopes.at[root].home_of(root.id) if root is not None else None


def _is_read(program: LintedModule, name: ast.Name) -> bool:
    """Whether a name is looked at, rather than only changed."""
    if not isinstance(name.ctx, ast.Load):
        return False
    parents = program.source.scopes.parents
    node: ast.AST = name
    parent = parents.get(node)
    while isinstance(parent, ast.Attribute | ast.Subscript) and parent.value is node:
        if not isinstance(parent.ctx, ast.Load):
            return False
        node, parent = parent, parents.get(parent)
    if isinstance(parent, ast.Call) and parent.func is node and isinstance(node, ast.Attribute):
        is_change = node.attr in _MUTATORS and isinstance(parents.get(parent), ast.Expr)
        return not is_change
    return True


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _base(expression: ast.expr) -> ast.expr:
    """A class without its type arguments: `defaultdict[str, int]` is `defaultdict`."""
    return expression.value if isinstance(expression, ast.Subscript) else expression
