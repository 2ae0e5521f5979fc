"""A process in a process group of its own, which goes as a whole.

What a function starts may leave the group (`setsid`); such a process still has the function's
environment, or a parent that has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from aws_durable_execution_sdk_python_testing._sandbox import guardian_process
from aws_durable_execution_sdk_python_testing._sandbox.guardian import Guardian


class ProcessGroup:
    """A process and whatever it starts. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, guardian: Guardian, mark: str) -> None:
        self._process = process
        self._mark = mark
        self._guardian = guardian
        self._gone = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        mark: str,
        output: int,
        guardian: Guardian,
    ) -> Self:
        """Start a process.

        Parameters:
            command: the program and its arguments.
            directory: what it runs in.
            environment: all of its variables.
            mark: the variable in there whose value no other processes have: what leaves the group
                is known by it, where the system tells.
            output: a file descriptor that takes its stdout and stderr.
            guardian: kills the group if this process cannot.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        marked = f"{mark}={environment[mark]}"
        group = cls(process, guardian, marked)
        try:
            guardian.watch(process.pid, marked)
        except OSError:
            group.kill()
            raise
        return group

    def kill(self) -> None:
        """Kill all processes of the group, if there are any."""
        if self._gone:
            return  # the id may be another group's by now
        guardian_process.kill(self._process.pid, self._mark)

    async def wait(self) -> int:
        """Wait until the process has ended, then kill what is left of its group.

        Returns:
            Its exit code, or the negative number of the signal that ended it.
        """
        code = await self._process.wait()
        self.kill()
        self._gone = True
        with contextlib.suppress(OSError):
            self._guardian.forget(self._process.pid)
        return code
