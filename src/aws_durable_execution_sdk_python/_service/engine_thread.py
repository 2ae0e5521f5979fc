"""Threads of the engine's, told from the user's by their class."""

from __future__ import annotations

import threading


class EngineThread(threading.Thread):
    """A thread of the engine's, or of the local service's.

    Nothing that it holds keeps an invocation awake: what the engine's wait for is counted, and the
    service is what an invocation is suspended for.
    """
