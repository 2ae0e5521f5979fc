"""Calls the hooks of an invocation's plugins.

- Hooks are called in the order of registration, where the code runs that they are about: in its
  task or thread, and in its context, so that what one sets there is seen by that code. It waits for
  what an `async def` hook gives; `plugin_awaits` says how.
- What a hook raises is logged, and changes nothing. Only the *control* exceptions go on, which end
  a process or a generator, out of a group as well. All the same every plugin gets to know of the
  end of the invocation.
- A hook cannot cancel the code around. A cancellation of that while a hook is awaited is not the
  hook's, and goes on.
- A plugin that a hook of had to be given up is told the end of the invocation, and nothing else.
- Nothing here asks for what a plugin of the user's may refuse to tell: no `str`, no `repr`.
- A hook that no plugin overrides is not called, and what it would be told is not made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from aws_durable_execution_sdk_python._core import running
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.user_functions import is_awaitable
from aws_durable_execution_sdk_python._core.validation import kind_of, shown
from aws_durable_execution_sdk_python._kernel.invocation_task import not_cancelling
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.exceptions import SuspendExecution
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationEndInfo,
    InvocationStartInfo,
    PropagationInput,
    PropagationMetadata,
)

_log = logging.getLogger(__name__)

# Waits for what a hook gave, where the code runs that the hook is about.
Settle: TypeAlias = Callable[[Awaitable[Any]], Awaitable[Any]]

CONTROL = (KeyboardInterrupt, SystemExit, GeneratorExit)

_HOOK = Leaf(None, "hook of a plugin")


class HookCancelled(Exception):
    """A hook was cancelled, and the code around it was not."""


class HookGivenUp(Exception):
    """Nobody waits for a hook any more. The message says why."""


class CodeGivenUp(Exception):
    """Nobody waits any more for the blocking code that a hook is about."""


class PluginCalls(Opaque):
    """The plugins of one invocation."""

    def __init__(self) -> None:
        self._started: list[DurableInstrumentationPlugin] = []
        # By hook, those who override it.
        self._hooks: dict[str, tuple[DurableInstrumentationPlugin, ...]] = {}

    def wants(self, hook: str) -> bool:
        """Whether any plugin overrides a hook."""
        return bool(self._hooks.get(hook))

    async def begin(
        self, factories: Sequence[Any], info: InvocationStartInfo, settle: Settle
    ) -> None:
        """Make the plugins, and tell each that the invocation begins."""
        made = [each for factory in factories if (each := _create(factory, info)) is not None]
        for plugin, hooks in made:
            self._started.append(plugin)
            for name in hooks:
                self._hooks[name] = (*self._hooks.get(name, ()), plugin)
            await self._call(plugin, "on_invocation_start", info, settle)

    async def tell(self, hook: str, info: object, settle: Settle) -> None:
        """Call a hook of each plugin."""
        for plugin in self._hooks.get(hook, ()):
            await self._call(plugin, hook, info, settle)

    async def end(self, info: InvocationEndInfo, settle: Settle) -> None:
        """Tell each plugin that the invocation ends, whatever one of them raises."""
        control: BaseException | None = None
        for plugin in self._started:
            try:
                await self._call(plugin, "on_invocation_end", info, settle)
            except CONTROL as error:
                control = control or error
        if control is not None:
            raise control

    async def propagated(self, info: PropagationInput, settle: Settle) -> str | None:
        """The trace header that the first plugin gives which gives one."""
        chosen, others = None, 0
        for plugin in self._hooks.get(_PROPAGATION, ()):
            given = await self._call(plugin, _PROPAGATION, info, settle)
            header = _header(plugin, given)
            if header is None:
                continue
            if chosen is None:
                chosen = plugin, header
            elif header != chosen[1]:
                others += 1
                _log.warning(
                    "%s gives an invoke another trace header than %s, whose stands (%d such)",
                    *(_name(plugin), _name(chosen[0]), others),
                )
        return None if chosen is None else chosen[1]

    async def _call(
        self, plugin: DurableInstrumentationPlugin, hook: str, info: object, settle: Settle
    ) -> Any:
        """What a hook gives, or None if it raises."""
        token = running.enter(_HOOK)
        try:
            try:
                with not_cancelling():
                    given = getattr(plugin, hook)(info)
            except BaseException as error:
                _failed(plugin, hook, error)
                return None
            if not is_awaitable(given):
                return given
            try:
                return await settle(given)
            except asyncio.CancelledError:
                raise
            except CodeGivenUp as error:
                raise SuspendExecution("nobody waits for this code any more") from error
            except BaseException as error:
                if isinstance(error, HookGivenUp):
                    self._leave_out(plugin)
                _failed(plugin, hook, error)
                return None
        finally:
            running.leave(token)

    def _leave_out(self, plugin: DurableInstrumentationPlugin) -> None:
        for name, plugins in self._hooks.items():
            self._hooks[name] = tuple(each for each in plugins if each is not plugin)


def _create(
    factory: Any, info: InvocationStartInfo
) -> tuple[DurableInstrumentationPlugin, list[str]] | None:
    """A plugin and the hooks that it overrides; None if it cannot be made."""
    try:
        with not_cancelling():
            plugin = factory.create_plugin(info)
        if isinstance(plugin, DurableInstrumentationPlugin):
            return plugin, [name for name in _HOOKS if _overrides(plugin, name)]
    except BaseException as error:
        _failed(factory, "create_plugin", error)
        return None
    if asyncio.iscoroutine(plugin):
        plugin.close()
    _log.warning("create_plugin of %s gave %s, which is no plugin", _name(factory), kind_of(plugin))
    return None


def _failed(plugin: object, hook: str, error: BaseException) -> None:
    """Log what a hook raised.

    Raises:
        The error, or the part of it, that ends a process or a generator.
    """
    if isinstance(error, CONTROL):
        raise error
    if isinstance(error, BaseExceptionGroup):
        control, rest = error.split(CONTROL)
        if rest is not None:
            _log.error("%s of the plugin %s failed", hook, _name(plugin), exc_info=rest)
        if control is not None:
            raise control
        return
    _log.error("%s of the plugin %s failed", hook, _name(plugin), exc_info=error)


def _header(plugin: object, given: object) -> str | None:
    if given is None:
        return None
    if not isinstance(given, PropagationMetadata):
        _log.warning("%s gave %s instead of PropagationMetadata", _name(plugin), shown(given))
        return None
    header = given.x_amzn_trace_id
    if header is not None and not isinstance(header, str):  # pyright: ignore
        _log.warning("%s gave the trace header %s, which is no text", _name(plugin), shown(header))
        return None
    return header if header and header.strip() else None


def _name(thing: object) -> str:
    return type(thing).__qualname__


_PROPAGATION = "provide_propagation_metadata"
_HOOKS = (
    _PROPAGATION,
    "on_operation_start",
    "on_operation_end",
    "on_operation_change",
    "on_user_function_start",
    "on_user_function_end",
    "on_service_call",
)


def _overrides(plugin: DurableInstrumentationPlugin, name: str) -> bool:
    function = getattr(plugin, name)
    own = getattr(function, "__func__", function)
    return own is not getattr(DurableInstrumentationPlugin, name)
