"""Functions that run in sandboxes: each shows one thing about the process it runs in."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from typing import Any

print("loaded")


def show_process(event: Any, context: Any) -> dict[str, Any]:
    """The process, its variables, and what it was invoked with."""
    return {
        "pid": os.getpid(),
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "event": event,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "remaining": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "tenant_id": context.tenant_id,
        "custom": context.client_context and context.client_context.custom,
    }


def echo(event: Any, context: Any) -> Any:
    return event


def measure(event: str, context: Any) -> int:
    return len(event)


def open_fifo(event: dict[str, str], context: Any) -> int:
    """Come back when another process has opened the other end."""
    with open(event["fifo"], event["mode"]):
        return os.getpid()


def repeat(event: dict[str, Any], context: Any) -> str:
    return str(event["text"]) * int(event["times"])


def fail(event: Any, context: Any) -> None:
    raise LookupError("no such order")


def leave(event: dict[str, int], context: Any) -> None:
    sys.exit(event["status"])


def kill_itself(event: Any, context: Any) -> None:
    print("about to die")
    os.kill(os.getpid(), signal.SIGKILL)


def hang(event: dict[str, str], context: Any) -> None:
    """Never return, and start a process that does not either. Both hold a pipe open."""
    with open(event["fifo"], "w") as fifo:
        subprocess.Popen(["sleep", "1000"], pass_fds=[fifo.fileno()])
        print(os.getpid(), file=fifo, flush=True)
        threading.Event().wait()


def detach(event: dict[str, str], context: Any) -> None:
    """Start processes in sessions of their own, which hold a pipe open."""
    with open(event["fifo"], "w") as fifo:
        for environment in (None, {}):
            subprocess.Popen(
                ["/bin/sleep", "1000"],
                pass_fds=[fifo.fileno()],
                start_new_session=True,
                env=environment,
            )
        print(os.getpid(), file=fifo, flush=True)
        threading.Event().wait()


def write(event: dict[str, str], context: Any) -> None:
    """Write to everything there is to write to."""
    text = event["text"]
    print(f"{text} on stdout")
    print(f"{text} on stderr", file=sys.stderr)
    subprocess.run(["echo", f"{text} from a process"], check=True)
    logging.getLogger().warning("%s logged", text)
    print(f"{text} unfinished", end="")


def write_long(event: dict[str, int], context: Any) -> None:
    print("x" * event["length"])


def not_json(event: Any, context: Any) -> bytes:
    return json.dumps("half a text").encode()[:-1]
