"""What runs where: which functions a handler or a step's body calls, and through which others."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property

from aws_durable_execution_sdk_python_testing._lint.call_targets import CallTargets
from aws_durable_execution_sdk_python_testing._lint.durable_calls import (
    DurableCall,
    DurableCalls,
    Role,
)
from aws_durable_execution_sdk_python_testing._lint.scopes import Scope
from aws_durable_execution_sdk_python_testing._lint.source import Source

# Function: the calls that lead to it, from a durable function to the function itself.
Chains = dict[Scope, tuple[Scope, ...]]


class LintedModule:
    """A module as the rules see it.

    Attributes:
        source: names and scopes.
        targets: the functions that expressions stand for.
        operations: durable contexts and operations.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.source = Source(tree)
        self.targets = CallTargets(self.source)
        self.operations = DurableCalls(self.source, self.targets)

    @cached_property
    def outside(self) -> Chains:
        """The functions that run outside steps, and so again on every replay."""
        return self._reach(self.operations.with_role(Role.HANDLER, Role.CHILD))

    @cached_property
    def inside(self) -> Chains:
        """The functions that run inside steps."""
        return self._reach(self.operations.with_role(Role.STEP))

    @cached_property
    def on_loop(self) -> Chains:
        """The functions that run on the event loop: async ones, and what they call."""
        return self._reach(scope for scope in self.durable if scope.is_async)

    @cached_property
    def durable(self) -> Chains:
        """Everything that runs as a part of a durable execution."""
        return {**self.inside, **self.outside}

    @cached_property
    def performing(self) -> set[Scope]:
        """The functions that call durable operations, themselves or through others."""
        found = {scope for scope in self._calls if any(self.operations.in_scope(scope))}
        size = -1
        while size != len(found):
            size = len(found)
            found |= {
                scope for scope, called in self._calls.items() if not found.isdisjoint(called)
            }
        return found

    @cached_property
    def _calls(self) -> dict[Scope, list[Scope]]:
        """The functions that each function calls, in order."""
        return {
            scope: [
                function.scope
                for node in scope.nodes
                if isinstance(node, ast.Call)
                for function in self.targets.called(node)
            ]
            for scope in self.source.functions
        }

    def operation_at(self, node: ast.AST) -> DurableCall | str | None:
        """The operation that a node calls, or the name of a function it calls that has some."""
        operation = self.operations.operation(node)
        if operation is not None or not isinstance(node, ast.Call):
            return operation
        for function in self.targets.called(node):
            if function.scope in self.performing:
                return function.scope.name
        return None

    def runs(self, node: ast.AST) -> Iterable[ast.AST]:
        """The nodes below a node, itself included, that run when it does."""
        stack = [node]
        while stack:
            one = stack.pop()
            yield one
            if one is node or one not in self.source.scopes.of or _is_comprehension(self, one):
                stack.extend(ast.iter_child_nodes(one))

    def _reach(self, roots: Iterable[Scope]) -> Chains:
        chains: Chains = {scope: (scope,) for scope in roots}
        queue = list(chains)
        for scope in queue:
            for called in self._calls[scope]:
                if called not in chains:
                    chains[called] = (*chains[scope], called)
                    queue.append(called)
        return chains


def _is_comprehension(program: LintedModule, node: ast.AST) -> bool:
    return program.source.scopes.of[node].owner is not program.source.scopes.of[node]


def through(chain: tuple[Scope, ...]) -> str:
    """The chain of calls for a message: " (handler calls stamp)"; nothing if there is none."""
    if len(chain) < 2:
        return ""
    first, *others = (scope.name for scope in chain)
    return f" ({first} calls {', which calls '.join(others)})"
