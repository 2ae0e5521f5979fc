"""DUR602: blocking calls on the event loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located, shown
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule, through
from aws_durable_execution_sdk_python_testing._lint.rules.known_calls import BLOCKING, Known
from aws_durable_execution_sdk_python_testing._lint.rules.outside import differs

_BLOCKING = Known(BLOCKING)


def check_blocking(program: LintedModule) -> Iterator[Located]:
    """Well-known blocking calls in async functions, and in what these call."""
    for scope, chain in program.on_loop.items():
        for node in scope.nodes:
            if not isinstance(node, ast.Call):
                continue
            dotted = program.source.dotted(node.func)
            if dotted is None or not _BLOCKING.matches(dotted, node):
                continue
            if scope in program.outside and differs(program, node):
                continue  # it has to move to a step anyway
            message = (
                f"{shown(node.func)}() blocks the event loop{through(chain)}, and with it "
                f"every other branch and checkpoint: {_remedy(dotted, scope in program.outside)}"
            )
            yield Located(node, "DUR602", message)


def _remedy(dotted: str, is_outside: bool) -> str:
    if dotted == "time.sleep":
        return "use context.wait()" if is_outside else "use `await asyncio.sleep(...)`"
    return "use an async client, or make it a `def` step, which runs in a thread"
