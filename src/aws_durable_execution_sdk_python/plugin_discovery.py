"""Which plugins a handler has: those it was given, and those that the environment names.

Everything is checked when the handler is decorated, in the cold start: what is wrong is a
`PluginLoadError` there, and not a line in the log of some invocation.

A factory's class may declare `__durable_registration_api__ = 1`. The nearest class in its MRO that
declares it decides. Then `exclusive_group` names what only one factory of a handler may belong to,
and `on_registration_result(registered)` is told how the loading ended.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python.exceptions import PluginLoadError
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    DurableInstrumentationPluginFactory,
)

if TYPE_CHECKING:
    from importlib import metadata

__all__ = [
    "PLUGIN_ENTRY_POINT_GROUP",
    "PLUGIN_ENVIRONMENT_VARIABLE",
    "load_configured_plugins",
]

PLUGIN_ENTRY_POINT_GROUP = "aws_durable_execution.plugins"
"""Where packages say which plugin factories they have."""

PLUGIN_ENVIRONMENT_VARIABLE = "DURABLE_EXECUTION_PLUGINS"
"""Names the plugins to load."""

_log = logging.getLogger(__name__)

_MARKER = "__durable_registration_api__"
_API = 1

Factory = DurableInstrumentationPluginFactory


def load_configured_plugins(
    explicit_plugins: Sequence[Factory] | None,
    *,
    environment: Mapping[str, str] | None = None,
) -> list[Factory]:
    """The factories of a handler: those given, then those that the environment names.

    Parameters:
        explicit_plugins: what the decorator was given.
        environment: the process's by default. `DURABLE_EXECUTION_PLUGINS` holds names of the entry
            point group `aws_durable_execution.plugins`, separated by commas.

    Raises:
        PluginLoadError: one is no factory, a name is unknown, ambiguous, empty or there twice, its
            module cannot be imported, or two factories exclude each other.
    """
    candidates: list[Factory] = []
    try:
        if explicit_plugins is not None:
            _load_explicit(explicit_plugins, candidates)
        names = _names(os.environ if environment is None else environment)
        if names:
            _load_named(names, candidates)
        _check_exclusive(candidates)
    except BaseException:
        _tell(candidates, registered=False)
        raise
    _tell(candidates, registered=True)
    return candidates


def _load_explicit(given: Sequence[Factory], candidates: list[Factory]) -> None:
    if isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise PluginLoadError(f"plugins must be a list of plugin factories, got {kind_of(given)}")
    for index, factory in enumerate(given):
        _add(_checked(factory, f"plugins[{index}]"), candidates)


def _add(factory: Factory, candidates: list[Factory]) -> None:
    if any(factory is other for other in candidates):
        _log.warning("the plugin factory %r is registered twice, and counts once", factory)
        return
    candidates.append(factory)


# ---------------------------------------------------------------------------- what is a factory


def _checked(factory: object, where: str) -> Factory:
    """Refuse what cannot make plugins.

    Raises:
        PluginLoadError: as said.
    """
    if isinstance(factory, DurableInstrumentationPlugin):
        raise PluginLoadError(
            f"{where} is a plugin, {kind_of(factory)}, and each invocation needs one of its own: "
            "pass an object whose create_plugin(info) makes it"
        )
    own_class: type[object] | None = factory if isinstance(factory, type) else None  # pyright: ignore
    if own_class is not None and issubclass(own_class, DurableInstrumentationPlugin):
        raise PluginLoadError(
            f"{where} is a plugin class, {own_class.__name__}: pass an object whose "
            "create_plugin(info) makes the plugin of an invocation"
        )
    create = getattr(factory, "create_plugin", None)
    if not callable(create):
        raise PluginLoadError(
            f"{where} is {kind_of(factory)}, which has no create_plugin(info): pass an object that "
            "has one"
        )
    if own_class is not None and _needs_instance(own_class):
        raise PluginLoadError(
            f"{where} is the factory class {own_class.__name__}: pass an instance of it"
        )
    if not _takes_one(create):
        raise PluginLoadError(
            f"{where}: create_plugin of {kind_of(factory)} cannot be called with one positional "
            "argument, the InvocationStartInfo"
        )
    return cast(Factory, factory)


def _needs_instance(factory: type[object]) -> bool:
    """Whether `create_plugin` is a method of the class's instances."""
    return inspect.isfunction(inspect.getattr_static(factory, "create_plugin"))


def _takes_one(create: Callable[..., object]) -> bool:
    try:
        signature = inspect.signature(create)
    except (TypeError, ValueError):  # it does not tell
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


# ------------------------------------------------------------------------------- entry points


def _names(environment: Mapping[str, str]) -> list[str]:
    text = environment.get(PLUGIN_ENVIRONMENT_VARIABLE, "")
    if not text.strip():
        return []
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise PluginLoadError(
            f"{PLUGIN_ENVIRONMENT_VARIABLE}={text!r} has an empty name: separate names by one comma"
        )
    for name in names:
        if names.count(name) > 1:
            raise PluginLoadError(f"{PLUGIN_ENVIRONMENT_VARIABLE}={text!r} names {name!r} twice")
    return names


def _load_named(names: Sequence[str], candidates: list[Factory]) -> None:
    # With what it imports, a tenth of the time that importing this package takes.
    from importlib import metadata

    installed: dict[str, list[metadata.EntryPoint]] = {}
    for entry_point in metadata.entry_points(group=PLUGIN_ENTRY_POINT_GROUP):
        installed.setdefault(entry_point.name, []).append(entry_point)
    for name in names:
        _add(_load(name, installed), candidates)


def _load(name: str, installed: Mapping[str, Sequence[metadata.EntryPoint]]) -> Factory:
    found = installed.get(name, ())
    if not found:
        known = ", ".join(sorted(installed)) or "none"
        raise PluginLoadError(
            f"{PLUGIN_ENVIRONMENT_VARIABLE} names the plugin {name!r}, which is not installed; "
            f"installed: {known}"
        )
    if len(found) > 1:
        owners = ", ".join(sorted(_owner(each) for each in found))
        raise PluginLoadError(f"the plugin {name!r} is provided by several distributions: {owners}")
    where = f"the plugin {name!r} ({found[0].value})"
    try:
        factory = found[0].load()
    except Exception as error:
        raise PluginLoadError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return _checked(factory, where)


def _owner(entry_point: metadata.EntryPoint) -> str:
    return "an unknown one" if entry_point.dist is None else entry_point.dist.name


# --------------------------------------------------------------------------------- registration


def _opted_in(factory: Factory) -> bool:
    """Whether the factory's class takes part in registration, as the nearest one that says."""
    for cls in type(factory).__mro__:
        if _MARKER in vars(cls):
            return _is_api(vars(cls)[_MARKER])
    return False


def _is_api(value: object) -> bool:
    return type(value) is int and value == _API


def _groups(factory: Factory) -> set[str]:
    """What the factory's class and those it inherits from exclude others from."""
    if not _opted_in(factory):
        return set()
    groups: set[str] = set()
    for cls in type(factory).__mro__:
        if not _is_api(vars(cls).get(_MARKER)):
            continue
        group = vars(cls).get("exclusive_group")
        if group is None:
            continue
        if not isinstance(group, str) or not group.strip():
            raise PluginLoadError(
                f"exclusive_group of {cls.__name__} must be a name or None, got {group!r}"
            )
        groups.add(group)
    return groups


def _check_exclusive(candidates: Sequence[Factory]) -> None:
    members: dict[str, Factory] = {}
    for factory in candidates:
        for group in sorted(_groups(factory)):
            other = members.setdefault(group, factory)
            if other is factory:
                continue
            name, other_name = type(factory).__qualname__, type(other).__qualname__
            if type(other) is type(factory):
                raise PluginLoadError(
                    f"{name} is registered twice, and only one may be (group {group!r}): it may be "
                    f"in plugins= and in {PLUGIN_ENVIRONMENT_VARIABLE}"
                )
            raise PluginLoadError(
                f"{other_name} and {name} exclude each other (group {group!r}): register one"
            )


def _tell(candidates: Sequence[Factory], *, registered: bool) -> None:
    for factory in candidates:
        if not _opted_in(factory):
            continue
        told = getattr(factory, "on_registration_result", None)
        if callable(told):
            try:
                told(registered)
            except Exception:
                _log.warning("on_registration_result of %r failed", factory, exc_info=True)
