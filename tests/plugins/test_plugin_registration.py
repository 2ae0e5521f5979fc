"""Which plugins a handler has, and what is refused when it is decorated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aws_durable_execution_sdk_python import (
    DurableContext,
    DurableExecutionsError,
    PluginLoadError,
    durable_execution,
)
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationStartInfo,
)
from aws_durable_execution_sdk_python.plugin_discovery import (
    PLUGIN_ENTRY_POINT_GROUP,
    PLUGIN_ENVIRONMENT_VARIABLE,
    load_configured_plugins,
)

NAMES = PLUGIN_ENVIRONMENT_VARIABLE


class Plugin(DurableInstrumentationPlugin):
    pass


class Factory:
    def create_plugin(self, info: InvocationStartInfo, /) -> DurableInstrumentationPlugin:
        return Plugin()


class OfClass:
    @classmethod
    def create_plugin(cls, info: InvocationStartInfo) -> DurableInstrumentationPlugin:
        return Plugin()


class OfStatic:
    @staticmethod
    def create_plugin(info: InvocationStartInfo) -> DurableInstrumentationPlugin:
        return Plugin()


class Maker:
    def __call__(self, info: InvocationStartInfo) -> DurableInstrumentationPlugin:
        return Plugin()


class OfAttribute:
    create_plugin = Maker()


class OfOptional:
    def create_plugin(self, info: Any, other: int = 1) -> Any:
        return Plugin()


class OfTwo:
    def create_plugin(self, info: Any, other: Any) -> Any:
        return Plugin()


class OfNone:
    def create_plugin(self) -> Any:
        return Plugin()


class OfKeyword:
    def create_plugin(self, *, info: Any) -> Any:
        return Plugin()


class Unreadable:
    """A callable that does not tell its parameters."""

    create_plugin: ClassVar[Any] = dict


def load(*factories: Any, names: str | None = None) -> list[Any]:
    environment = {} if names is None else {NAMES: names}
    return load_configured_plugins(list(factories), environment=environment)


@pytest.mark.parametrize(
    "factory", [Factory(), OfClass, OfStatic, OfAttribute, OfOptional(), Unreadable()]
)
def test_what_makes_plugins_is_a_factory(factory: Any) -> None:
    assert load(factory) == [factory]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (Plugin(), "is a plugin"),
        (Plugin, "is a plugin class, Plugin"),
        (lambda info: Plugin(), "has no create_plugin"),
        (object(), "has no create_plugin"),
        (Factory, "is the factory class Factory: pass an instance"),
        (OfTwo(), "cannot be called with one positional argument"),
        (OfNone(), "cannot be called with one positional argument"),
        (OfKeyword(), "cannot be called with one positional argument"),
    ],
)
def test_anything_else_is_refused_by_its_index(given: Any, what: str) -> None:
    with pytest.raises(PluginLoadError, match=rf"plugins\[1\].*{what}") as caught:
        durable_execution(plugins=[Factory(), given])(handler)
    assert isinstance(caught.value, DurableExecutionsError)


def handler(event: Any, context: DurableContext) -> int:
    return 1


def test_plugins_are_a_list_of_factories() -> None:
    with pytest.raises(PluginLoadError, match="plugins must be a list"):
        durable_execution(plugins=Factory())(handler)  # type: ignore[arg-type]


def test_a_factory_that_is_there_twice_counts_once(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Factory(), Factory()
    assert load(first, second, first) == [first, second]
    assert "registered twice" in caplog.text


# --------------------------------------------------------------------------------- environment


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Installs a distribution with plugins: a name for each, and what it stands for."""

    def install(distribution: str, **plugins: str) -> None:
        info = tmp_path / f"{distribution.replace('-', '_')}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        lines = [f"{name} = {value}" for name, value in plugins.items()]
        text = "\n".join([f"[{PLUGIN_ENTRY_POINT_GROUP}]", *lines])
        (info / "entry_points.txt").write_text(text)

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "installed_plugins.py").write_text(
        "class Factory:\n"
        "    def create_plugin(self, info): ...\n"
        "FIRST, SECOND, WRONG = Factory(), Factory(), 7\n"
    )
    yield install
    sys.modules.pop("installed_plugins", None)


def test_names_in_the_environment_come_after_what_is_given(installed: Any) -> None:
    installed("some-plugins", one="installed_plugins:FIRST", two="installed_plugins:SECOND")
    given = Factory()
    loaded = load(given, names=" two , one ")
    import installed_plugins  # type: ignore[import-not-found]

    assert loaded == [given, installed_plugins.SECOND, installed_plugins.FIRST]
    assert load(installed_plugins.FIRST, names="one") == [installed_plugins.FIRST]


@pytest.mark.parametrize("names", ["", "  ", None])
def test_no_name_is_no_plugin(names: str | None) -> None:
    assert load(names=names) == []


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("one,", "has an empty name"),
        (",", "has an empty name"),
        ("one,two,one", "names 'one' twice"),
        ("three", "'three', which is not installed; installed: .*one.*"),
        ("several", "provided by several distributions: other-plugins, some-plugins"),
        ("wrong", r"'wrong' \(installed_plugins:WRONG\) is a value of type int"),
        ("absent", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_name_that_cannot_be_loaded_is_refused(installed: Any, names: str, what: str) -> None:
    installed(
        "some-plugins",
        one="installed_plugins:FIRST",
        two="installed_plugins:SECOND",
        several="installed_plugins:FIRST",
        wrong="installed_plugins:WRONG",
        absent="no_such_module:FACTORY",
    )
    installed("other-plugins", several="installed_plugins:FIRST")
    with pytest.raises(PluginLoadError, match=what):
        load(names=names)


def test_entry_points_are_not_read_without_a_name() -> None:
    code = (
        "import sys\n"
        "from aws_durable_execution_sdk_python import durable_execution\n"
        "import importlib.metadata as metadata\n"
        "metadata.entry_points = None\n"
        "durable_execution(lambda event, context: 1)\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_environment_of_the_process_is_read_at_decoration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NAMES, "no-such-plugin")
    with pytest.raises(PluginLoadError, match="no-such-plugin"):
        durable_execution(handler)


# -------------------------------------------------------------------------------- registration


class Registered(Factory):
    __durable_registration_api__ = 1
    exclusive_group: Any = None

    def __init__(self) -> None:
        self.told: list[bool] = []

    def on_registration_result(self, registered: bool) -> None:
        self.told.append(registered)
        raise RuntimeError("it does not matter")


class View(Registered):
    __durable_registration_api__ = 1
    exclusive_group = "view"


class OtherView(Registered):
    __durable_registration_api__ = 1
    exclusive_group = "view"


class Inherits(View):
    """Has the group of its base, though it declares none."""


class OptedOut(View):
    __durable_registration_api__ = 2
    exclusive_group = "view"


class ByTrue(View):
    __durable_registration_api__ = True


class Blank(Registered):
    __durable_registration_api__ = 1
    exclusive_group = " "


class Unopted(Factory):
    exclusive_group = "view"


def test_factories_of_one_group_exclude_each_other() -> None:
    one, other = View(), OtherView()
    with pytest.raises(PluginLoadError, match="View and OtherView exclude each other"):
        load(one, other)
    assert one.told == other.told == [False]
    with pytest.raises(PluginLoadError, match="View is registered twice"):
        load(View(), View())
    with pytest.raises(PluginLoadError, match="OtherView and Inherits exclude each other"):
        load(OtherView(), Inherits())


def test_a_group_is_for_those_who_opted_in() -> None:
    factories = [View(), Unopted(), OptedOut(), ByTrue(), Registered(), Registered()]
    assert load(*factories) == factories
    assert factories[0].told == [True]
    assert factories[2].told == []


def test_a_group_has_a_name() -> None:
    with pytest.raises(PluginLoadError, match=r"exclusive_group of Blank .* got ' '"):
        load(Blank())


def test_who_was_loaded_is_told_when_another_is_refused() -> None:
    factory = Registered()
    with pytest.raises(PluginLoadError):
        load(factory, names="no-such-plugin")
    assert factory.told == [False]
