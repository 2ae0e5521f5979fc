"""A group of commands each of which ends at Ctrl-C with the status that says so.

Invariant: whoever started the command, SIGINT interrupts it. A script's shell starts what it runs
beside itself (`durable serve &`) with that signal ignored, and could not stop it in order.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import click

from aws_durable_execution_sdk_python_testing._cli.exit_statuses import INTERRUPTED


class InterruptibleGroup(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        _heed_interrupts()
        # Around the loading of the command too. Click itself would end with status 1.
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _heed_interrupts() -> None:
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
