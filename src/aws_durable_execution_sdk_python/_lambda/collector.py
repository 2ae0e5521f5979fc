"""Python's garbage collector while the AWS libraries are imported, in Lambda.

It is the process's: where the process is not Lambda's, but a test runner's or a script, it is left
alone.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
from collections.abc import Iterator


def is_in_lambda() -> bool:
    """Whether this process is an execution environment of Lambda."""
    return bool(os.environ.get("AWS_LAMBDA_RUNTIME_API"))


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """In Lambda, without the cyclic garbage collector for as long as the libraries are imported.

    They make some hundred thousand objects that stay: looking through them again and again takes
    a tenth of a cold start.
    """
    if not is_in_lambda() or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        _freeze_once()
        gc.enable()


@functools.cache
def _freeze_once() -> None:
    """Do not look through the objects of the AWS libraries at each full collection.

    That would take 10 ms of every invocation that makes many objects of its own. Frozen are all
    objects there are by then, the user's modules and caches too. Those are freed as ever when
    the last reference goes; only cycles among them, of which a module has few, would stay for
    good. Hence once in a process: what later clients find is work under way.
    """
    gc.freeze()
