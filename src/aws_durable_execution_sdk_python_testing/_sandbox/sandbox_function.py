"""What is to be known of a function to run it in processes of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFunction:
    """A function's code and configuration, as Lambda's.

    Attributes:
        handler: where the handler is, as Lambda names it: `module.function`.
        task_root: the directory the module is imported from, and that the function runs in.
        timeout: seconds one invocation may take; None leaves it to the service's limit.
        memory_size: what the function is told it has, in MB. It is not enforced.
        environment: variables of its own. They override Lambda's.
        concurrency: how many processes may run it at once; further invocations wait.

    Example:
        >>> SandboxFunction(handler="app.handler", task_root=Path("src"), timeout=30).handler
        'app.handler'
    """

    handler: str
    task_root: Path
    timeout: float | None = None
    memory_size: int = 128
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    concurrency: int = 16

    @classmethod
    def parse(cls, target: str) -> SandboxFunction:
        """Read `FILE:HANDLER` or `MODULE:HANDLER`; use `dataclasses.replace` for the rest.

        A file's directory becomes the task root, and so does the current one for a module.

        Raises:
            ValueError: it is neither, or the file does not exist.

        Example:
            >>> SandboxFunction.parse("shop.orders:handler").handler
            'shop.orders.handler'
        """
        place, colon, name = target.rpartition(":")
        if not colon or not name.isidentifier():
            raise ValueError(f"expected FILE:HANDLER or MODULE:HANDLER, got {target!r}")
        path = Path(place)
        if path.suffix == ".py":
            return cls._in_file(path, name)
        if not all(part.isidentifier() for part in place.split(".")):
            raise ValueError(f"neither a Python file nor the name of a module: {place!r}")
        return cls(handler=f"{place}.{name}", task_root=Path.cwd())

    @classmethod
    def _in_file(cls, path: Path, name: str) -> SandboxFunction:
        if not path.is_file():
            raise ValueError(f"no such file: {path}")
        if "." in path.stem:
            raise ValueError(f"Lambda cannot import a file with a dot in its name: {path.name!r}")
        return cls(handler=f"{path.stem}.{name}", task_root=path.resolve().parent)
