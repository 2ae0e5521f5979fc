"""A process of its own for replays: whatever a handler does there, the run goes on.

Invariant: `replay` comes back. The process stops itself after a replay's time; if it cannot, since
C code holds the interpreter, it is killed a little later, with all that it has started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python_testing._deploy_gate import replay_worker
from aws_durable_execution_sdk_python_testing._recordings import Recording, ReplayReport

# How much later than it should have ended a process is killed, in seconds.
_GRACE = 5.0
# How long the handler's module may take to be imported, in seconds.
_IMPORT_SECONDS = 120.0


class HandlerError(Exception):
    """The handler cannot be loaded."""


class ReplayFailedError(Exception):
    """A replay came to no verdict."""


class ReplayProcess:
    """Replays against one handler; begun again when it has gone down.

    Parameters:
        target: the handler, as `FILE_OR_MODULE:HANDLER`.
        seconds: how long one replay may take.
    """

    def __init__(self, target: str, seconds: float) -> None:
        self._target = target
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115

    def start(self) -> None:
        """Start the process, and load the handler in it.

        Raises:
            HandlerError: that fails.
        """
        self._output.seek(0)
        self._output.truncate()
        self._process = subprocess.Popen(
            [sys.executable, "-m", replay_worker.__name__, self._target, repr(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            start_new_session=True,
        )
        try:
            self._answer(self._process, _IMPORT_SECONDS)
        except ReplayFailedError as error:
            raise HandlerError(str(error)) from error
        except _EndedError as error:
            raise HandlerError(f"importing {self._target} {error}") from error

    def replay(self, recording: Recording) -> ReplayReport:
        """Replay a history.

        Raises:
            ReplayFailedError: it cannot be read, or the replay hangs or takes the process down.
            HandlerError: a process that had to be started again does not load the handler.
        """
        if self._is_killed:
            raise ReplayFailedError("nothing is replayed any more")
        if self._process is None:
            self.start()
        assert self._process is not None
        try:
            answer = self._answer(self._process, self._seconds + _GRACE, recording.to_json())
        except _EndedError as error:
            raise ReplayFailedError(f"its replay {error}") from error
        return ReplayReport.from_dict(answer)

    def kill(self) -> None:
        """End the process in the midst of what it does, for good; for other threads."""
        self._is_killed = True
        process = self._process
        if process is not None:
            _kill(process)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._bury(self._process)
        self._output.close()

    def _answer(
        self, process: subprocess.Popen[bytes], seconds: float, request: str | None = None
    ) -> Mapping[str, Any]:
        """The next answer; a process that does not answer in time is ended."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def kill() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            if request is not None:
                with contextlib.suppress(OSError):  # it is gone: there will be no answer
                    process.stdin.write(request.encode(errors="surrogatepass") + b"\n")
                    process.stdin.flush()
            line = process.stdout.readline()
        finally:
            timer.cancel()
        is_whole = line.endswith(b"\n")
        answer: dict[str, Any] = json.loads(line) if is_whole else {}
        if not is_whole or replay_worker.ENDS in answer:
            how = self._bury(process)
            if not is_whole:
                raise _EndedError(f"took more than {seconds:g} s" if late.is_set() else how)
        if error := answer.get(replay_worker.ERROR):
            raise ReplayFailedError(error)
        return answer

    def _bury(self, process: subprocess.Popen[bytes]) -> str:
        """Let the process, and all that it has started, be gone; how it ended."""
        self._process = None
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        _kill(process)
        code = process.wait()
        how = f"with status {code}" if code >= 0 else f"by {_signal_name(-code)}"
        self._output.seek(0)
        said = self._output.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        return f"ended its process {how}{f', which said: {last}' if last else ''}"


class _EndedError(Exception):
    """The process has gone; says how."""


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and what it has started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
