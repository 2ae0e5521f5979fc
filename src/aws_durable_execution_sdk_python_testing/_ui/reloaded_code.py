"""A program's functions, loaded anew whenever its files change.

What is loaded replaces what was: the next invocation of a running execution replays with the new
code. Code that cannot be loaded replaces nothing; the page says why. All modules from the file's
directory are forgotten before the file is imported again, so that a change in one counts wherever
it is used; what is installed stays.
"""

from __future__ import annotations

import contextlib
import importlib
import linecache
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from watchfiles import PythonFilter, watch

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._declarations.program_files import (
    ProgramError,
    load_functions,
)

_QUIET_MILLISECONDS = 200
# Both packages, which may lie below the program's directory too.
_SDK = "aws_durable_execution_sdk_python"
_INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")
)


class ReloadedCode:
    """The functions of a file as it is now.

    Parameters:
        file: the program.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._root = file.resolve().parent
        self._names: list[str] = []
        self._version = 0
        self._problem: str | None = None

    def load(self) -> list[DeclaredFunction]:
        """Import the file, and what it imports from beside it, anew.

        Raises:
            ProgramError: it cannot be imported, or has no durable handler.
            DeclarationError: a function's name is none that a Lambda function may have.
        """
        self._forget_modules()
        durable, plain = load_functions(self._file)
        self._names = list(durable)
        self._version += 1
        return [hosted(name, handler) for name, handler in {**plain, **durable}.items()]

    def describe(self) -> Mapping[str, Any]:
        """What the page shows."""
        return {"File": str(self._file), "Version": self._version, "Problem": self._problem}

    def summary(self) -> str:
        """What became of the latest change, in one line."""
        if self._problem is not None:
            return f"not reloaded: {self._problem}"
        return f"reloaded {self._file}: {', '.join(self._names)}"

    @contextlib.contextmanager
    def followed(self, replace: Callable[[list[DeclaredFunction]], None]) -> Iterator[None]:
        """Call `replace` with the functions after each change, from a thread.

        It is called with none where the code cannot be loaded: what there was stays.
        """
        watching, stopping = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=self._follow,
            args=(replace, watching, stopping),
            name="durable-reload",
            daemon=True,
        )
        thread.start()
        watching.wait()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _follow(
        self,
        replace: Callable[[list[DeclaredFunction]], None],
        watching: threading.Event,
        stopping: threading.Event,
    ) -> None:
        changes = watch(
            self._root,
            watch_filter=PythonFilter(),
            stop_event=stopping,
            raise_interrupt=False,
            # It says nothing of when it has begun to watch, but this: that nothing has happened.
            rust_timeout=_QUIET_MILLISECONDS,
            yield_on_timeout=True,
        )
        try:
            for changed in changes:
                watching.set()
                if changed:
                    replace(self._reload())
        finally:
            watching.set()  # also where it cannot be watched: nobody is to wait for ever

    def _reload(self) -> list[DeclaredFunction]:
        try:
            functions, self._problem = self.load(), None
        except (ProgramError, DeclarationError) as error:
            functions, self._problem = [], str(error)
        return functions

    def _forget_modules(self) -> None:
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            ours = name == "__main__" or name.startswith(_SDK)
            if not ours and isinstance(file, str) and self._is_own(Path(file)):
                del sys.modules[name]
        importlib.invalidate_caches()
        linecache.checkcache()

    def _is_own(self, file: Path) -> bool:
        return file.is_relative_to(self._root) and not any(map(file.is_relative_to, _INSTALLED))
