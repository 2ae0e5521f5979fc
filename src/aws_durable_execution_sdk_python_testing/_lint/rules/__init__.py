"""The rules of the lint: each takes a program and yields what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aws_durable_execution_sdk_python_testing._lint.findings import Located
from aws_durable_execution_sdk_python_testing._lint.reach import LintedModule
from aws_durable_execution_sdk_python_testing._lint.rules.awaiting import check_awaiting
from aws_durable_execution_sdk_python_testing._lint.rules.blocking import check_blocking
from aws_durable_execution_sdk_python_testing._lint.rules.changed_state import (
    check_arguments,
    check_children,
    check_handlers,
    check_steps,
)
from aws_durable_execution_sdk_python_testing._lint.rules.finally_blocks import check_finally
from aws_durable_execution_sdk_python_testing._lint.rules.forgotten_timeouts import check_timeouts
from aws_durable_execution_sdk_python_testing._lint.rules.late_binding import check_late_binding
from aws_durable_execution_sdk_python_testing._lint.rules.nesting import (
    check_operations_in_steps,
    check_outer_contexts,
)
from aws_durable_execution_sdk_python_testing._lint.rules.ordering import check_ordering
from aws_durable_execution_sdk_python_testing._lint.rules.outside import check_outside
from aws_durable_execution_sdk_python_testing._lint.rules.own_tasks import check_tasks
from aws_durable_execution_sdk_python_testing._lint.rules.patches import check_patches
from aws_durable_execution_sdk_python_testing._lint.rules.swallowing import check_swallowing
from aws_durable_execution_sdk_python_testing._lint.rules.threads import check_threads

RULES: tuple[Callable[[LintedModule], Iterator[Located]], ...] = (
    check_outside,
    check_operations_in_steps,
    check_outer_contexts,
    check_steps,
    check_children,
    check_handlers,
    check_arguments,
    check_swallowing,
    check_finally,
    check_threads,
    check_late_binding,
    check_ordering,
    check_awaiting,
    check_blocking,
    check_tasks,
    check_timeouts,
    check_patches,
)
