"""The trace that the invocation is part of, which Lambda tells in the process's environment."""

from __future__ import annotations

import os


def trace_header() -> str | None:
    """The X-Ray header to hand on; None outside of Lambda and where there is no trace."""
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return trace if trace and "AWS_LAMBDA_FUNCTION_NAME" in os.environ else None
