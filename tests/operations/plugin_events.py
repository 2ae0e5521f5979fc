"""A plugin that writes down what it is told, as a test reads it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    DurableInstrumentationPluginFactory,
    InvocationStartInfo,
)

HOOKS = (
    "on_invocation_start",
    "on_invocation_end",
    "on_operation_start",
    "on_operation_end",
    "on_user_function_start",
    "on_user_function_end",
)


class Factory:
    """Makes plugins by a function."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def create_plugin(self, info: InvocationStartInfo) -> DurableInstrumentationPlugin:
        plugin: DurableInstrumentationPlugin = self.make()
        return plugin


def plugin(**hooks: Any) -> DurableInstrumentationPluginFactory:
    """The factory of a plugin with these hooks, each a function of what it is told."""
    methods = {name: _method(hook) for name, hook in hooks.items()}
    return Factory(type("Plugin", (DurableInstrumentationPlugin,), methods))


def _method(hook: Callable[[Any], Any]) -> Any:
    return lambda self, info: hook(info)


class Told:
    """What plugins were told, in order: the hook's name and its info.

    Parameters:
        awaited: whether the hooks are `async def`.
    """

    def __init__(self, *, awaited: bool = False) -> None:
        self.events: list[tuple[str, Any]] = []
        self._awaited = awaited

    def factory(self, *hooks: str) -> DurableInstrumentationPluginFactory:
        tell = self._tell_async if self._awaited else self._tell
        return plugin(**{hook: functools.partial(tell, hook) for hook in hooks or HOOKS})

    def _tell(self, hook: str, info: Any) -> None:
        self.events.append((hook.removeprefix("on_"), info))

    async def _tell_async(self, hook: str, info: Any) -> None:
        self._tell(hook, info)

    def of(self, *hooks: str) -> list[Any]:
        """What these hooks were told."""
        return [info for hook, info in self.events if hook in hooks]

    @property
    def short(self) -> list[str]:
        """Each in a few words."""
        return [_short(hook, info) for hook, info in self.events]


def _short(hook: str, info: Any) -> str:
    if hook == "invocation_start":
        return f"invocation {'first' if info.is_first_invocation else 'again'}"
    if hook == "invocation_end":
        return f"invocation {info.status}"
    words = {"operation_start": "start", "operation_end": "end"}
    words |= {"user_function_start": "body", "user_function_end": "body"}
    what = [words[hook], info.name or "-"]
    if hook == "user_function_end":
        what.append(info.outcome)
    elif hook == "operation_end" or info.is_replayed:
        what.append(info.status)
    if info.is_replayed:
        what.append("replayed")
    return " ".join(what)
