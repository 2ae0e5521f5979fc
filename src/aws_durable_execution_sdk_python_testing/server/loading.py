"""Finds the handler a function is declared with."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from aws_durable_execution_sdk_python_testing.invoker import Handler
from aws_durable_execution_sdk_python_testing.server.functions import DeclarationError


def split_handler(target: str) -> tuple[str, str]:
    """Take `FILE_OR_MODULE:HANDLER` apart.

    Raises:
        DeclarationError: it is not of that form.
    """
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise DeclarationError(f"a handler must be FILE_OR_MODULE:HANDLER, not {target!r}")
    return place, name


def load_handler(target: str | Handler) -> Handler:
    """Import the handler of `FILE_OR_MODULE:HANDLER`; one that is loaded passes through.

    Functions of one file share one module. The file's neighbours and, for modules, the current
    directory are importable, as for `python FILE` and `python -m MODULE`.

    Raises:
        DeclarationError: the module cannot be imported, or has no such handler.
    """
    if not isinstance(target, str):
        return target
    place, name = split_handler(target)
    path = Path(place)
    try:
        if path.suffix == ".py":
            module = _module_of_file(path.resolve(strict=True))
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


def is_durable(handler: Handler) -> bool:
    """Whether the handler is decorated with `@durable_execution`."""
    return getattr(handler, "__durable_handler__", False) is True


def _module_of_file(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    _make_importable(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    # The plain name, by which a stored error finds its class again after a restart.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module


def _make_importable(directory: Path) -> None:
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
