"""Which scope each node is in, and what binds each name there.

Python's own rules: functions, lambdas, classes and comprehensions have scopes of their own;
decorators, defaults and annotations belong to the scope around; a class body is not seen from the
methods in it. Walked with a stack of our own, so that deep nesting costs no recursion.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class BoundBy(enum.Enum):
    """What a name was bound by."""

    IMPORT = "import"
    FUNCTION = "def"
    CLASS = "class"
    PARAMETER = "parameter"
    VALUE = "assignment of an expression"
    AUGMENTED = "augmented assignment"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place that binds a name.

    Attributes:
        scope: whose name it is.
        node: what binds it.
        target: the dotted name that an import stands for.
        value: the expression that an assignment or a `with` gives it.
        annotation: of a parameter or an assignment.
    """

    scope: Scope
    name: str
    node: ast.AST
    by: BoundBy
    target: str | None = None
    value: ast.expr | None = None
    annotation: ast.expr | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function or comprehension.

    Attributes:
        nodes: of a function or module, all that it runs itself: its comprehensions included,
            nested functions and classes not.
    """

    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    redirected: dict[str, Scope | None] = field(default_factory=dict)
    nodes: list[ast.AST] = field(default_factory=list)

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, FUNCTIONS)

    @property
    def is_async(self) -> bool:
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "lambda")

    @property
    def owner(self) -> Scope:
        """The scope that runs this one's code: for a comprehension the one around it."""
        scope = self
        while isinstance(scope.node, COMPREHENSIONS) and scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def parameters(self) -> list[ast.arg]:
        """The positional parameters, then those that go by name only."""
        if not isinstance(self.node, FUNCTIONS):
            return []
        arguments = self.node.args
        return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]

    @property
    def positional(self) -> list[ast.arg]:
        if not isinstance(self.node, FUNCTIONS):
            return []
        return [*self.node.args.posonlyargs, *self.node.args.args]

    def home_of(self, name: str) -> Scope | None:
        """The scope that a name used here belongs to; None for builtins and unknown names."""
        if name in self.redirected:
            return self.redirected[name]
        if name in self.bindings:
            return self
        scope = self.parent
        while scope is not None:
            if not isinstance(scope.node, ast.ClassDef):
                if name in scope.redirected:
                    return scope.redirected[name]
                if name in scope.bindings:
                    return scope
            scope = scope.parent
        return None

    def ancestors(self) -> Iterator[Scope]:
        scope = self.parent
        while scope is not None:
            yield scope
            scope = scope.parent


class ScopeTree:
    """All scopes of a module.

    Attributes:
        module: the outermost.
        scopes: all of them, outer before inner.
        at: the scope that each node is evaluated in.
        of: the scope that a function, class or comprehension opens.
        parents: the node around each node.
        star_imports: the modules that `from ... import *` takes all from.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.scopes = [self.module]
        self.at: dict[ast.AST, Scope] = {}
        self.of: dict[ast.AST, Scope] = {tree: self.module}
        self.parents: dict[ast.AST, ast.AST] = {}
        self.star_imports: list[str] = []
        # The targets that are bound together with their value.
        self._settled: set[ast.expr] = set()
        stack: list[tuple[ast.AST, Scope]] = [(tree, self.module)]
        while stack:
            node, scope = stack.pop()
            self.at[node] = scope
            scope.owner.nodes.append(node)
            children = list(self._enter(node, scope))
            for child, _ in children:
                self.parents[child] = node
            stack.extend(reversed(children))

    def _open(self, node: ast.AST, parent: Scope) -> Scope:
        scope = self.of[node] = Scope(node, parent)
        self.scopes.append(scope)
        return scope

    def _enter(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        """Bind what a node binds, and say which scope each child is in."""
        if isinstance(node, FUNCTIONS):
            return self._enter_function(node, scope)
        if isinstance(node, ast.ClassDef):
            return self._enter_class(node, scope)
        if isinstance(node, COMPREHENSIONS):
            return self._enter_comprehension(node, scope)
        self._bind(node, scope)
        return ((child, scope) for child in ast.iter_child_nodes(node))

    def _enter_function(self, node: FunctionNode, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        inner = self._open(node, scope)
        if not isinstance(node, ast.Lambda):
            _add(scope, node.name, node, BoundBy.FUNCTION)
        arguments = node.args
        extra = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
        for arg in (*inner.parameters, *extra):
            by = BoundBy.OTHER if arg in extra else BoundBy.PARAMETER
            _add(inner, arg.arg, arg, by, annotation=arg.annotation)
        body = {node.body} if isinstance(node, ast.Lambda) else set(node.body)
        for child in ast.iter_child_nodes(node):
            yield child, inner if child in body else scope

    def _enter_class(self, node: ast.ClassDef, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        _add(scope, node.name, node, BoundBy.CLASS)
        inner = self._open(node, scope)
        body = set(node.body)
        for child in ast.iter_child_nodes(node):
            yield child, inner if child in body else scope

    def _enter_comprehension(
        self, node: Comprehension, scope: Scope
    ) -> Iterator[tuple[ast.AST, Scope]]:
        inner = self._open(node, scope)
        for child in ast.iter_child_nodes(node):
            yield child, inner

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._bind_imports(node, scope)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind_target(scope, target, value)
            case ast.AnnAssign(target=ast.Name() as name, value=value, annotation=annotation):
                self._bind_name(scope, name, BoundBy.VALUE, value, annotation)
            case ast.NamedExpr(target=name, value=value):
                self._bind_name(scope.owner, name, BoundBy.VALUE, value)
            case ast.AugAssign(target=ast.Name() as name, value=value):
                self._bind_name(scope, name, BoundBy.AUGMENTED, value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name() as name):
                self._bind_name(scope, name, BoundBy.VALUE, value)
            case ast.Global(names=names):
                scope.redirected.update(dict.fromkeys(names, self.module))
            case ast.Nonlocal(names=names):
                for name in names:
                    scope.redirected[name] = scope.parent and scope.parent.home_of(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                _add(scope, name, node, BoundBy.OTHER)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                _add(scope, name, node, BoundBy.OTHER)
            case ast.Name(id=name, ctx=ast.Store()) if node not in self._settled:
                # A target of a loop, an unpacking and the like.
                _add(scope, name, node, BoundBy.OTHER)
            case _:
                pass

    def _bind_target(self, scope: Scope, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(), _:
                self._bind_name(scope, target, BoundBy.VALUE, value)
            case (
                (ast.Tuple(elts=targets) | ast.List(elts=targets)),
                (ast.Tuple(elts=values) | ast.List(elts=values)),
            ) if len(targets) == len(values) and not _starred(targets + values):
                for one, its_value in zip(targets, values, strict=True):
                    self._bind_target(scope, one, its_value)
            case _:
                pass

    def _bind_name(
        self,
        scope: Scope,
        name: ast.Name,
        by: BoundBy,
        value: ast.expr | None,
        annotation: ast.expr | None = None,
    ) -> None:
        self._settled.add(name)
        _add(scope, name.id, name, by, value=value, annotation=annotation)

    def _bind_imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                target = alias.name if alias.asname else alias.name.partition(".")[0]
                _add(scope, alias.asname or target, alias, BoundBy.IMPORT, target=target)
                continue
            module = "." * node.level + (node.module or "")
            if alias.name == "*":
                self.star_imports.append(module)
            else:
                name = alias.asname or alias.name
                _add(scope, name, alias, BoundBy.IMPORT, target=f"{module}.{alias.name}")


def _starred(expressions: Iterable[ast.expr]) -> bool:
    return any(isinstance(expression, ast.Starred) for expression in expressions)


def _add(
    scope: Scope,
    name: str,
    node: ast.AST,
    by: BoundBy,
    *,
    target: str | None = None,
    value: ast.expr | None = None,
    annotation: ast.expr | None = None,
) -> None:
    home = scope.redirected.get(name, scope) or scope
    binding = Binding(home, name, node, by, target, value, annotation)
    home.bindings.setdefault(name, []).append(binding)
