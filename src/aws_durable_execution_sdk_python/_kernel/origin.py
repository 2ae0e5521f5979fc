"""Whose a flow of control is: the engine's, an invocation's, or nobody's.

Known from a context variable, which tasks, callbacks and transports inherit.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import Final

ENGINE: Final = object()
# Whose flow of control this is: the engine's, an invocation's (its own token), or nobody's.
origin: ContextVar[object | None] = ContextVar("durable_origin", default=None)


def context_of(whose: object) -> Context:
    """A copy of the current context for a flow of control of an invocation's."""
    context = copy_context()
    context.run(origin.set, whose)
    return context


def engine_context() -> Context:
    """A copy of the current context for a flow of control of the engine's."""
    return context_of(ENGINE)


def origin_in(context: Context | None) -> object | None:
    return origin.get() if context is None else context.get(origin)
