"""Whether code sees what it saw with the official SDK: `compat="aws"`.

A mode is of one invocation, and several may run at a time in one process. So it is a context
variable, which the invocation sets before it runs any code: its tasks, its threads and whatever
they make inherit it. Outside of invocations, where configurations are made and tests look at
results, the environment decides.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

COMPAT_VARIABLE = "DURABLE_EXECUTION_COMPAT"

_mode: ContextVar[bool | None] = ContextVar("durable_compat_aws", default=None)

enter_mode = _mode.set
leave_mode = _mode.reset


def is_compat_aws() -> bool:
    """Whether the code that runs here was promised what the official SDK does."""
    mode = _mode.get()
    return compat_of_environment() if mode is None else mode


def compat_of_environment() -> bool:
    """What holds where nothing else says it."""
    return os.environ.get(COMPAT_VARIABLE) == "aws"
