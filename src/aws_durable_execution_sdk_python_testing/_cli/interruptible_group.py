"""A group of commands each of which ends at Ctrl-C, and at SIGTERM, with the status that says so.

Invariants:

- Whoever started the command, SIGINT interrupts it. A script's shell starts what it runs beside
  itself (`durable serve &`) with that signal ignored, and could not stop it in order.
- SIGTERM takes the same way out: processes of functions end, stores close, the cursor comes back.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import click

from aws_durable_execution_sdk_python_testing._cli.exit_statuses import (
    Terminated,
    interrupted_status,
)


class InterruptibleGroup(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        # Around the loading of the command too. Click itself would end with status 1.
        with _heeding_signals():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt as interrupt:
                sys.exit(interrupted_status(interrupt))


@contextlib.contextmanager
def _heeding_signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
