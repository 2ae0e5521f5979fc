"""What every step body does: nothing but note how many threads there are."""

import threading

peak_threads = 1


def note() -> None:
    """A tenth of a microsecond, the same in every lane."""
    global peak_threads
    threads = threading.active_count()
    if threads > peak_threads:
        peak_threads = threads
