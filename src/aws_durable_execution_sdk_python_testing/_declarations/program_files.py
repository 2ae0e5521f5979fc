"""The durable program in a Python file: its handler, and what that may invoke."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from aws_durable_execution_sdk_python_testing._declarations.handler_loading import (
    is_durable,
    make_importable,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import as_function_name
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler


class ProgramError(Exception):
    """The file cannot be run; the message is one line and says why."""


@dataclass(frozen=True, slots=True)
class DurableProgram:
    """A loaded file.

    Attributes:
        name: of the function to run: the file's and the handler's.
        handler: the durable handler to run.
        durable: the file's durable handlers by variable name.
        plain: the file's other functions by name.
    """

    name: str
    handler: Handler
    durable: dict[str, Handler]
    plain: dict[str, Handler]


def load_program(target: str) -> DurableProgram:
    """Import a file and find its durable handler.

    Parameters:
        target: `FILE`, or `FILE:HANDLER` for one with several; `package.module:HANDLER` likewise,
            imported from the current directory, and Lambda's `package.module.HANDLER`.

    Raises:
        ProgramError: no such file, it fails on import, or the handler is not one, or unclear.
    """
    path, wanted = _split(target)
    if not path.is_file():
        path, wanted = _in_module(path, wanted)
    module = _import(path)
    durable, plain = _functions(module)
    name = _choose(path, module, durable, wanted)
    # With the file's name, so that executions of different files in one store stay apart.
    return DurableProgram(as_function_name(f"{path.stem}-{name}"), durable[name], durable, plain)


def load_functions(path: Path) -> tuple[dict[str, Handler], dict[str, Handler]]:
    """Import a file: its durable handlers and its other functions, by name.

    Raises:
        ProgramError: it fails on import, or has no durable handler.
    """
    durable, plain = _functions(_import(path))
    if not durable:
        raise ProgramError(_NONE_DURABLE.format(path))
    return durable, plain


_NONE_DURABLE = "{} has no durable handler: decorate one with @durable_execution"


def _functions(module: ModuleType) -> tuple[dict[str, Handler], dict[str, Handler]]:
    durable = {name: value for name, value in vars(module).items() if is_durable(value)}
    plain: dict[str, Handler] = {
        key: value
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and key not in durable
    }
    return durable, plain


def _split(target: str) -> tuple[Path, str | None]:
    file, colon, name = target.rpartition(":")
    # A drive letter's colon is followed by a path, not by a name.
    if colon and name.isidentifier() and not Path(target).is_file():
        return Path(file), name
    return Path(target), None


def _in_module(place: Path, wanted: str | None) -> tuple[Path, str | None]:
    """The file of a dotted module name, and the handler that may be the last part of it."""
    module, _, last = str(place).rpartition(".")
    named = [(str(place), wanted)] if wanted else [(str(place), None), (module, last)]
    for name, handler in named if last != "py" else []:
        found = _file_of_module(name)
        if found is not None:
            return found, handler
    raise ProgramError(f"no such file: {place}")


def _file_of_module(name: str) -> Path | None:
    """The file of a dotted module name, in the current directory."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    path = Path(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((one for one in candidates if one.is_file()), None)


def _import(path: Path) -> ModuleType:
    # The module has the name it has by itself, by which a stored error finds its class again when
    # an execution is resumed.
    name = make_importable(path.resolve())
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProgramError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        package = name.rpartition(".")[0]
        if package:
            importlib.import_module(package)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ProgramError(f"cannot import {path}: {_describe(error, path)}") from error
    return module


def _describe(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    frames = reversed(traceback.extract_tb(error.__traceback__))
    line = next((f.lineno for f in frames if Path(f.filename).resolve() == path.resolve()), None)
    where = "" if line is None else f"line {line}: "
    return f"{where}{type(error).__name__}: {error}".splitlines()[0]


def _choose(path: Path, module: ModuleType, durable: dict[str, Handler], wanted: str | None) -> str:
    names = ", ".join(durable) or "none"
    if wanted is not None:
        if wanted not in durable:
            raise ProgramError(f"{path} has no durable handler {wanted!r}; it has: {names}")
        return wanted
    # One that is imported from elsewhere is something to invoke, unless there is no other.
    own = {n: h for n, h in durable.items() if h.__module__ == module.__name__} or durable
    if not own:
        raise ProgramError(_NONE_DURABLE.format(path))
    if len({id(handler) for handler in own.values()}) > 1:
        raise ProgramError(
            f"{path} has several durable handlers ({', '.join(own)}): "
            f"say which one to run, as in {path}:{next(iter(own))}"
        )
    return next(iter(own))
