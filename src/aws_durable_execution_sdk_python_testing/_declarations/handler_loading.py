"""Finds the handler a function is declared with."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler


def split_handler(target: str) -> tuple[str, str]:
    """Take `FILE_OR_MODULE:HANDLER` apart, or Lambda's `module.handler`.

    Raises:
        DeclarationError: it is of neither form.
    """
    place, colon, name = target.rpartition(":")
    if not colon:
        # As Lambda reads it: also `directory/module.handler`.
        place, _, name = target.rpartition(".")
        place = place.replace("/", ".")
    if not place or not name.isidentifier() or (not colon and name == "py"):
        raise DeclarationError(
            f"a handler must be FILE_OR_MODULE:HANDLER or module.handler, not {target!r}"
        )
    return place, name


# Where the code of functions lies that has a root of its own.
_roots: set[Path] = set()


def load_handler(target: str | Handler, root: Path | None = None) -> Handler:
    """Import the handler of `FILE_OR_MODULE:HANDLER`; one that is loaded passes through.

    Functions of one file share one module. The file's neighbours and, for modules, the current
    directory are importable, as for `python FILE` and `python -m MODULE`.

    Parameters:
        target: the handler, or where it is.
        root: the directory a file's modules are imported from, as Lambda imports from
            `/var/task`; None takes the file's own. Roots may have modules of the same name.

    Raises:
        DeclarationError: the module cannot be imported, or has no such handler.
    """
    if not isinstance(target, str):
        return target
    place, name = split_handler(target)
    path = Path(place)
    try:
        if path.suffix == ".py":
            module = _module_of_file(path, root)
        else:
            _make_importable(Path.cwd())
            module = importlib.import_module(place)
    except (Exception, SystemExit) as error:
        summary = " ".join(f"{type(error).__name__}: {error}".split())
        raise DeclarationError(f"cannot import {place}: {summary}") from error
    handler = getattr(module, name, None)
    if not callable(handler):
        raise DeclarationError(f"{place} has no handler {name!r}")
    return handler  # type: ignore[no-any-return]


def load_durable_handler(target: str) -> Handler:
    """As `load_handler`, of a handler that is durable.

    Raises:
        DeclarationError: as `load_handler` does, or it is not decorated.
    """
    handler = load_handler(target)
    if not is_durable(handler):
        raise DeclarationError(
            f"{target} is no durable handler: decorate it with @durable_execution"
        )
    return handler


def make_importable(path: Path) -> str:
    """Put what a file imports within reach, its neighbours included; its module's name.

    A file of a package, which has an `__init__.py` beside it or imports relatively, is imported as
    such, from where the package lies, as Lambda would. Any other is a module by itself, as for
    `python FILE`.

    Parameters:
        path: the file, absolute.
    """
    root = _package_root(path)
    _make_importable(path.parent)
    if root is None:
        return path.stem
    _make_importable(root)
    return ".".join(path.relative_to(root).with_suffix("").parts)


def _package_root(path: Path) -> Path | None:
    """The directory that the package a file belongs to lies in; None if it belongs to none."""
    package = path.parent
    if not (package / "__init__.py").exists():
        if not _imports_relatively(path):
            return None
        # Without `__init__.py`, packages begin where the program was started.
        here = Path.cwd()
        return here if here in package.parents else package.parent
    while (package / "__init__.py").exists():
        package = package.parent
    return package


def _imports_relatively(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False  # importing it says what is wrong
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


def is_durable(handler: Handler) -> bool:
    """Whether the handler is decorated with `@durable_execution`."""
    return getattr(handler, "__durable_handler__", False) is True


def _module_of_file(place: Path, root: Path | None) -> ModuleType:
    path = place.resolve(strict=True)
    if root is None:
        name = make_importable(path)
    else:
        name = ".".join(place.relative_to(root).with_suffix("").parts)
        _enter(root.resolve())
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    package = name.rpartition(".")[0]
    if package:
        importlib.import_module(package)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    # The name it has by itself, by which a stored error finds its class again after a restart.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _enter(root: Path) -> None:
    """Import from this root, and not what another function's root has by the same names."""
    _roots.add(root)
    for name, module in list(sys.modules.items()):
        if _root_of(module) not in (None, root):
            del sys.modules[name]
    if str(root) in sys.path:
        sys.path.remove(str(root))
    sys.path.insert(0, str(root))


def _root_of(module: ModuleType) -> Path | None:
    """The root a module, or a package without a file, comes from; of nested ones the inner."""
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    paths = [Path(place) for place in places if isinstance(place, str)]
    roots = [root for root in _roots if any(path.is_relative_to(root) for path in paths)]
    return max(roots, key=lambda root: len(root.parts), default=None)


def _make_importable(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
