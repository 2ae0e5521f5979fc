"""DUR501 and DUR502: the order of a set, and names that differ between processes.

The iteration order of a set of strings changes with every process, since their hashes do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.call_targets import argument
from aws_durable_execution_sdk_python_testing._lint.durable_calls import DurableCall
from aws_durable_execution_sdk_python_testing._lint.findings import Located, shown
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Binding, BoundBy

_SETS = frozenset({"builtins.set", "builtins.frozenset"})
_SET_ANNOTATIONS = frozenset(
    {
        *_SETS,
        "typing.Set",
        "typing.FrozenSet",
        "typing.AbstractSet",
        "typing.MutableSet",
        "collections.abc.Set",
        "collections.abc.MutableSet",
    }
)
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
# These keep the order of what they are given...
_KEEPING = frozenset(
    f"builtins.{name}"
    for name in ("list", "tuple", "iter", "enumerate", "reversed", "zip", "map", "filter", "next")
)
# ...and for these it does not matter.
_INDIFFERENT = frozenset(
    f"builtins.{name}" for name in ("sorted", "len", "sum", "min", "max", "any", "all", "bool")
)
_UNSTABLE = {
    "builtins.id": "the address of an object",
    "builtins.hash": "a hash, which differs between processes for text",
    "builtins.object": "the address of an object",
}
_NAME_POSITION = {
    "wait": 1,
    "create_callback": 0,
    "step": 1,
    "wait_for_callback": 1,
    "invoke": 2,
    "run_in_child_context": 1,
    "wait_for_condition": 2,
    "map": 2,
    "with_retry": 2,
    "patched": 0,
    "deprecate_patch": 0,
}


def check_ordering(program: LintedModule) -> Iterator[Located]:
    """Loops over sets that call operations, and operations over sets or named by them."""
    sets = _Sets(program)
    for scope in program.outside:
        for node in scope.nodes:
            yield from _check_loop(program, sets, node)
            operation = program.operations.operation(node)
            if operation is not None:
                yield from _check_batch(sets, operation)
                yield from _check_name(program, sets, operation)


def _check_loop(program: LintedModule, sets: _Sets, node: ast.AST) -> Iterator[Located]:
    iterated = _iterated(sets, node)
    if iterated is None:
        return
    inner = node.body if isinstance(node, ast.For | ast.AsyncFor) else [node]
    for statement in inner:
        if any(program.operation_at(one) is not None for one in program.runs(statement)):
            message = (
                "durable operations run in the iteration order of a set, which differs "
                f"between processes: iterate over sorted({shown(iterated)})"
            )
            yield Located(iterated, "DUR501", message)
            return


def _iterated(sets: _Sets, node: ast.AST) -> ast.expr | None:
    """What a loop iterates over, if that is unordered."""
    match node:
        case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated):
            candidates = [iterated]
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            candidates = [one.iter for one in node.generators]
        case _:
            return None
    return next(filter(sets.is_unordered, candidates), None)


def _check_batch(sets: _Sets, operation: DurableCall) -> Iterator[Located]:
    call = operation.call
    if operation.method not in ("map", "parallel"):
        return
    given = call.args[:1] if operation.method == "map" else call.args
    named = [one.value for one in call.keywords if one.arg in ("inputs", "functions")]
    for one in (*given, *named):
        if sets.is_unordered(one):
            message = (
                f"{operation.text} numbers its branches in the iteration order of a set, which "
                "differs between processes: give it a sorted list"
            )
            yield Located(one, "DUR501", message)


def _check_name(program: LintedModule, sets: _Sets, operation: DurableCall) -> Iterator[Located]:
    position = _NAME_POSITION.get(operation.method, len(operation.call.args))
    name = argument(operation.call, position, "name")
    if name is None:
        return
    if sets.decides(name):
        message = (
            "the operation's name depends on the iteration order of a set, which differs "
            "between processes: sort the set first"
        )
        yield Located(name, "DUR501", message)
    for node in ast.walk(name):
        what = program.source.dotted(node.func) if isinstance(node, ast.Call) else None
        if what in _UNSTABLE:
            message = (
                f"the operation's name contains {_UNSTABLE[what]}: "
                "name it after the input, an index or a key"
            )
            yield Located(name, "DUR502", message)


class _Sets:
    """Which expressions are sets, or sequences in the order of a set."""

    def __init__(self, program: LintedModule) -> None:
        self._source = program.source
        self._known: dict[ast.AST, bool] = {}

    def is_unordered(self, expression: ast.AST) -> bool:
        """Whether iterating over it follows the order of a set."""
        if expression not in self._known:
            self._known[expression] = False  # what breaks circles of assignments
            self._known[expression] = self._judge(expression)
        return self._known[expression]

    def decides(self, expression: ast.AST) -> bool:
        """Whether the expression's value depends on the order of a set."""
        if isinstance(expression, ast.Compare):
            return False
        if isinstance(expression, ast.Call):
            if self._source.dotted(expression.func) in _INDIFFERENT:
                return False
            if self._is_pop(expression):
                return True
        if self.is_unordered(expression):
            return True
        if isinstance(expression, ast.Name):
            binding = self._source.only_binding(expression)
            value = binding.value if binding is not None else None
            return isinstance(value, ast.Call) and (self._is_pop(value) or self._is_next(value))
        return any(self.decides(child) for child in ast.iter_child_nodes(expression))

    def _is_pop(self, call: ast.Call) -> bool:
        method = call.func
        return (
            isinstance(method, ast.Attribute)
            and method.attr == "pop"
            and self.is_unordered(method.value)
        )

    def _is_next(self, call: ast.Call) -> bool:
        return self._source.dotted(call.func) == "builtins.next" and self.is_unordered(call)

    def _judge(self, expression: ast.AST) -> bool:
        match expression:
            case ast.Set(elts=elements):
                return not all(_is_number(element) for element in elements)
            case ast.SetComp():
                return True
            case ast.Call():
                return self._judge_call(expression)
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _SET_OPERATORS):
                return self.is_unordered(left) or self.is_unordered(right)
            case ast.Name():
                return self._judge_name(expression)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self.is_unordered(value)
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                return self.is_unordered(value)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return any(
                    isinstance(one, ast.Starred) and self.is_unordered(one) for one in elements
                )
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                return any(self.is_unordered(one.iter) for one in expression.generators)
            case _:
                return False

    def _judge_call(self, call: ast.Call) -> bool:
        dotted = self._source.dotted(call.func)
        if dotted in _SETS:
            return True
        if dotted in _KEEPING:
            return any(self.is_unordered(one) for one in call.args)
        method = call.func
        if isinstance(method, ast.Attribute) and method.attr in _SET_METHODS:
            return self.is_unordered(method.value)
        return dotted == "builtins.dict.fromkeys" and any(map(self.is_unordered, call.args))

    def _judge_name(self, name: ast.Name) -> bool:
        """A name is unordered if everything that binds it is."""
        found = [one for one in self._source.bindings(name) if one.by is not BoundBy.AUGMENTED]
        return bool(found) and all(map(self._is_set_binding, found))

    def _is_set_binding(self, binding: Binding) -> bool:
        if binding.annotation is not None:
            base = binding.annotation
            base = base.value if isinstance(base, ast.Subscript) else base
            return self._source.dotted(base) in _SET_ANNOTATIONS
        return binding.value is not None and self.is_unordered(binding.value)


def _is_number(element: ast.expr) -> bool:
    return isinstance(element, ast.Constant) and isinstance(element.value, int | float)
