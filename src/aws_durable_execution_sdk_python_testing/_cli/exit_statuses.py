"""Exit statuses besides 0 (success) and 2 (bad input, or a request that was refused)."""

FAILED = 1
INTERRUPTED = 130
