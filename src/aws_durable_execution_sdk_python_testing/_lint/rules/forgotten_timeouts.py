"""DUR604: time-outs of the code's own around operations that wait for the service."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from aws_durable_execution_sdk_python_testing._lint.durable_calls import ContextKind, DurableCall
from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.scopes import Scope

# What sets a timer, and the keyword without which it sets none.
_SCOPES: Mapping[str, str | None] = {
    "asyncio.timeout": None,
    "asyncio.timeout_at": None,
    "anyio.fail_after": None,
    "anyio.move_on_after": None,
    "anyio.CancelScope": "deadline",
}
_CALLS: Mapping[str, str | None] = {
    "asyncio.wait_for": None,
    "asyncio.wait": "timeout",
    "asyncio.as_completed": "timeout",
}
# They go off later, wherever the code is by then.
_ALARMS = frozenset({"signal.alarm", "signal.setitimer", "threading.Timer"})
_LOOP_ALARMS = frozenset({"call_later", "call_at"})
_WAITING = frozenset({"wait", "result", "invoke", "wait_for_callback", "wait_for_condition"})


def check_timeouts(program: LintedModule) -> Iterator[Located]:
    """Time-outs around durable waits, which are forgotten when the invocation is suspended."""
    for scope in program.durable:
        for node in scope.nodes:
            if isinstance(node, ast.With | ast.AsyncWith):
                for item in node.items:
                    yield from _check(program, scope, item.context_expr, _SCOPES, node.body)
            elif isinstance(node, ast.Call) and node.args:
                yield from _check(program, scope, node, _CALLS, node.args[:1])
                yield from _check_alarm(program, scope, node)


def _check(
    program: LintedModule,
    scope: Scope,
    timer: ast.expr,
    timers: Mapping[str, str | None],
    around: list[ast.stmt] | list[ast.expr],
) -> Iterator[Located]:
    if not isinstance(timer, ast.Call):
        return
    name = program.source.dotted(timer.func)
    if name is None or name not in timers or _is_endless(timer):
        return
    keyword = timers[name]
    if keyword is not None and not any(each.arg == keyword for each in timer.keywords):
        return
    inside = {node for part in around for node in ast.walk(part)} & set(scope.nodes)
    used = {node.id for node in inside if isinstance(node, ast.Name)}
    for operation in program.operations.in_scope(scope):
        is_inside = operation.call in inside or _names_of(operation, scope) & used
        if is_inside and _waits(operation):
            message = (
                f"{name}() around {operation.text} is forgotten when the invocation is suspended: "
                "give the wait the time-out, with CallbackConfig(timeout=...) or a race against "
                "context.wait()"
            )
            yield Located(timer, "DUR604", message)
            return


def _names_of(operation: DurableCall, scope: Scope) -> set[str]:
    """What a task, or the coroutine itself, that is not awaited where it is made is called."""
    return {
        target.id
        for node in scope.nodes
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Await)
        if operation.call in ast.walk(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _check_alarm(program: LintedModule, scope: Scope, call: ast.Call) -> Iterator[Located]:
    """A timer that is set in code which goes on to wait for the service."""
    name = program.source.dotted(call.func)
    if isinstance(call.func, ast.Attribute) and call.func.attr in _LOOP_ALARMS:
        name = call.func.attr
    elif name not in _ALARMS:
        return
    for operation in program.operations.in_scope(scope):
        if operation.method in _WAITING and operation.call.lineno > call.lineno:
            message = (
                f"{name}() before {operation.text} is forgotten when the invocation is suspended, "
                "or goes off in another one: give the wait the time-out, with "
                "CallbackConfig(timeout=...)"
            )
            yield Located(call, "DUR604", message)
            return


def _is_endless(timer: ast.Call) -> bool:
    """Whether a time-out is written as None, which sets no timer."""
    given = [*timer.args, *(keyword.value for keyword in timer.keywords)]
    return any(isinstance(value, ast.Constant) and value.value is None for value in given)


def _waits(operation: DurableCall) -> bool:
    return operation.method in _WAITING and operation.context.kind is ContextKind.ASYNC
