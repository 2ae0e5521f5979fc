"""A process that replays histories against one handler, one after the other.

It is told a recording in each line of its standard input, and answers each with a line: what
`replay` reports, or why it could not. Whatever user code prints goes to standard error. Before the
first it says in a line that the handler is there, or why it is not.

Invariant: it never outlives who started it. When its input ends it ends, in the middle of a replay
too, and a replay that takes too long ends it, after saying which line was running.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import aws_durable_execution_sdk_python
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
)
from aws_durable_execution_sdk_python_testing._declarations.handler_loading import (
    load_durable_handler,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._recordings import Recording, RecordingError, replay

# Members of an answer: why there is no verdict, and whether it is the last.
ERROR, ENDS = "Error", "Ends"
# Where what is not the user's own code comes from.
_LIBRARIES = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(aws_durable_execution_sdk_python.__file__).parent),
    str(Path(__file__).parents[1]),
    "<",
)


def main(target: str, seconds: float) -> None:
    """Load the handler, then replay what comes.

    Parameters:
        target: the handler, as `FILE_OR_MODULE:HANDLER`.
        seconds: how long one replay may take.
    """
    answers = _Answers(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    try:
        handler = load_durable_handler(target)
    except DeclarationError as error:
        answers.say({ERROR: str(error), ENDS: True})
        return
    answers.say({})
    while True:
        content = json.loads(requests.get())
        with answers.within(seconds):
            answer = _replay(handler, content)
        answers.say(answer)


class _Answers:
    """What goes back; the last of it, if a replay takes too long."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def say(self, answer: Mapping[str, Any]) -> None:
        self._pipe.write(json.dumps(answer).encode() + b"\n")
        self._pipe.flush()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A block that the process does not outlive if it takes longer."""

        def give_up() -> None:
            with self._lock:
                if limit.finished.is_set():
                    return
                late = f"its replay did not end within {seconds:g} s{_user_line()}"
                self.say({ERROR: late, ENDS: True})
                os._exit(1)

        limit = threading.Timer(seconds, give_up)
        limit.daemon = True
        limit.start()
        try:
            yield
        finally:
            with self._lock:
                limit.cancel()


def _read(lines: BinaryIO, requests: queue.SimpleQueue[bytes]) -> None:
    for line in lines:
        requests.put(line)
    os._exit(0)


def _replay(handler: Handler, content: Any) -> dict[str, Any]:
    try:
        return replay(handler, Recording.of(content, "its history")).to_dict()
    except RecordingError as error:
        return {ERROR: str(error)}
    except BaseException as error:
        return {ERROR: f"its replay ended with {type(error).__name__}: {error}"}


def _user_line() -> str:
    """The line of user code that runs, if one does."""
    for frame in sys._current_frames().values():
        inner: FrameType | None = frame
        while inner is not None and inner.f_code.co_filename.startswith(_LIBRARIES):
            inner = inner.f_back
        if inner is not None:
            code = inner.f_code
            return f': File "{code.co_filename}", line {inner.f_lineno}, in {code.co_name}'
    return ""


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
