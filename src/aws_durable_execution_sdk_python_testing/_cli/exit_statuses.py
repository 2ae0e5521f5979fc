"""Exit statuses besides 0 (success) and 2 (bad input, or a request that was refused)."""

FAILED = 1
# As shells have it: 128 and the signal's number.
INTERRUPTED = 130
TERMINATED = 143


class Terminated(KeyboardInterrupt):
    """SIGTERM: it ends a command as Ctrl-C does, in order."""


def interrupted_status(interrupt: KeyboardInterrupt) -> int:
    """What a command exits with that somebody has interrupted."""
    return TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED
