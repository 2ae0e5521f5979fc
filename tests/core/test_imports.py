"""Imports go one way in both packages, and naming a package loads nothing heavy.

Every import counts: at the top of a module, within a function, and for annotations only. What a
package's `__init__` brings along counts where the package is named.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import aws_durable_execution_sdk_python
import aws_durable_execution_sdk_python_testing

EXECUTION = aws_durable_execution_sdk_python.__name__
TESTING = aws_durable_execution_sdk_python_testing.__name__
ROOTS = {
    EXECUTION: Path(aws_durable_execution_sdk_python.__file__).parent,
    TESTING: Path(aws_durable_execution_sdk_python_testing.__file__).parent,
}

# The execution SDK: what each private package may import besides itself and the leaf modules.
# The documented modules stand above them all.
ALLOWED: Mapping[str, set[str]] = {
    "_core": set(),
    "_service": {"_core"},
    "_kernel": {"_core", "_service"},
    "_operations": {"_core", "_kernel"},
    "_lambda": {"_core", "_kernel", "_service"},
}
LEAVES = {
    *("exceptions", "config", "_config_legacy", "_batch_config", "_retry_strategies"),
    *("waits", "serdes", "offload", "logger", "_operation_contexts", "plugin"),
}
# The journal and the codec know the errors they raise, and nothing else above them.
CORE_LEAVES = {"exceptions"}

# The testing SDK, lowest first: a room or module imports itself and what stands before it.
TESTING_LAYERS = (
    *("stores", "_engine", "exceptions", "execution"),
    *("_results", "_time", "_functions", "_faults", "_local_service"),
    *("_http", "_declarations", "_sandbox", "_server"),
    *("_recordings", "_exploration", "_remote", "_deploy_gate", "_runner", "_ui"),
    *("engine", "model", "runner", "web"),
    *("_lint", "lint", "_projects", "_cli", "cli"),
    *("pytest_plugin", "__init__"),
)
# What the testing SDK takes of the execution SDK, besides `_core` and the documented modules.
TESTING_REACHES = {
    "_kernel.hooks",
    "_service.engine_thread",
    "_service.aws",
    "_service.classification",
    "_service.model",
}

# What `durable init` writes: files of other people's projects, no modules of the package.
NEW_PROJECTS = "templates"

# The modules users import by name. All others are private.
TESTING_DOCUMENTED = {
    *("__init__", "runner", "exceptions", "model", "execution", "engine", "cli", "lint"),
    *("stores", "stores.base", "stores.memory", "stores.filesystem", "stores.sqlite"),
    *("web", "web.server", "pytest_plugin"),
}


@dataclass(frozen=True)
class Circle:
    """Modules that import each other, which is allowed as long as it is for annotations.

    Attributes:
        modules: their names within the package, as patterns.
        reason: why they do.
    """

    modules: Collection[str]
    reason: str


CIRCLES: Mapping[str, Collection[Circle]] = {
    EXECUTION: (
        Circle(
            {
                *("_kernel.invocation", "_kernel.common_runtime"),
                *("_kernel.loop_runtime", "_kernel.thread_runtime"),
            },
            "an invocation makes the runtimes, and they answer with its parts",
        ),
        Circle(
            {
                *("_blocking_context", "_async_context", "_context_base", "decorators"),
                *("config", "retries", "_operations.*"),
            },
            "the two contexts name each other, and with_retry, beside the strategies, takes one",
        ),
    ),
    TESTING: (
        Circle(
            {"_results.result", "_results.tree", "_results.wording"},
            "a result prints itself as a tree, whose functions take a result",
        ),
    ),
}


@dataclass(frozen=True)
class Import:
    """One import: of what (dotted, from the package on), and whether for annotations only."""

    target: str
    typing_only: bool


def modules(package: str) -> dict[str, Path]:
    """The modules by their names within the package; the package's own is `__init__`."""
    root = ROOTS[package]
    paths = (path for path in root.rglob("*.py") if NEW_PROJECTS not in path.parts)
    return {_name(path.relative_to(root)): path for path in paths}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[Import]:
    """Everything a module imports of the two packages, wherever it says so."""
    yield from _imports(ast.parse(path.read_text()), typing_only=False)


def _imports(node: ast.AST, *, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            for name in child.names:
                yield from _ours(f"{child.module}.{name.name}", typing_only)
        elif isinstance(child, ast.Import):
            for name in child.names:
                yield from _ours(name.name, typing_only)
        else:
            guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from _imports(child, typing_only=typing_only or guarded)


def _ours(name: str, typing_only: bool) -> Iterator[Import]:
    if name.partition(".")[0] in ROOTS:
        yield Import(name, typing_only)


def within(package: str, target: str, known: Collection[str]) -> str | None:
    """The module of the package that an import names, or names something in."""
    first, _, name = target.partition(".")
    if first != package:
        return None
    if name in known:
        return name
    return name.rpartition(".")[0] or "__init__"


def part(module: str) -> str:
    """The room of a module: its first component."""
    return module.partition(".")[0]


def edges(package: str, *, with_typing: bool = True) -> dict[str, set[str]]:
    """Which modules of a package each of them imports."""
    known = modules(package)
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        targets = {
            within(package, one.target, known)
            for one in imports(path)
            if with_typing or not one.typing_only
        }
        graph[name] = {target for target in targets if target is not None} - {name}
    return graph


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The sets of modules that reach each other."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        ahead = [*graph[start]]
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += graph.get(name, ())
        reach[start] = seen
    found: list[set[str]] = []
    for name in graph:
        if name in reach[name] and not any(name in circle for circle in found):
            found.append({other for other in reach[name] if name in reach.get(other, ())})
    return found


def test_layers_of_the_execution_sdk_import_downwards_only() -> None:
    graph = edges(EXECUTION)
    for name, targets in graph.items():
        if part(name) in ALLOWED:
            leaves = CORE_LEAVES if part(name) == "_core" else LEAVES
            extra = set(map(part, targets)) - ALLOWED[part(name)] - leaves - {part(name)}
            assert not extra, f"{name} imports {extra}"


def test_the_execution_sdk_never_imports_the_testing_sdk() -> None:
    for name, path in modules(EXECUTION).items():
        targets = {one.target.partition(".")[0] for one in imports(path)}
        assert TESTING not in targets, name


def test_rooms_of_the_testing_sdk_import_downwards_only() -> None:
    height = {name: number for number, name in enumerate(TESTING_LAYERS)}
    graph = edges(TESTING)
    assert set(height) == set(map(part, graph))
    for name, targets in graph.items():
        above = {target for target in targets if height[part(target)] > height[part(name)]}
        assert not above, f"{name} imports {above}"


def test_the_testing_sdk_takes_what_is_public_or_core() -> None:
    known = modules(EXECUTION)
    for name, path in modules(TESTING).items():
        for one in imports(path):
            target = within(EXECUTION, one.target, known)
            if target is not None and target.startswith("_") and target != "__init__":
                allowed = part(target) == "_core" or target in TESTING_REACHES
                assert allowed, f"{name} imports {target}"


@pytest.mark.parametrize("package", [EXECUTION, TESTING])
def test_no_circle_when_modules_are_loaded_or_functions_run(package: str) -> None:
    assert circles(edges(package, with_typing=False)) == []


@pytest.mark.parametrize("package", [EXECUTION, TESTING])
def test_circles_for_annotations_are_known_and_have_a_reason(package: str) -> None:
    for circle in circles(edges(package)):
        assert any(
            all(any(fnmatchcase(name, one) for one in known.modules) for name in circle)
            for known in CIRCLES[package]
        ), f"a new circle: {sorted(circle)}"


def test_every_module_of_the_testing_sdk_is_documented_or_private() -> None:
    public = {
        name
        for name in modules(TESTING)
        if name == "__init__" or not any(one.startswith("_") for one in name.split("."))
    }
    assert public == TESTING_DOCUMENTED


def test_importing_the_package_loads_no_aws_library() -> None:
    heavy = ["boto3", "botocore", "aioboto3", "aiobotocore", "aiohttp"]
    code = f"import sys, {EXECUTION}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
