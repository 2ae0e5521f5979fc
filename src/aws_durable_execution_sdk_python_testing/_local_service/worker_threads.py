"""Daemon threads that run invocations, kept for the next one.

Not a ThreadPoolExecutor: its threads are joined when the interpreter exits, and a handler that
never returns must not keep a test run alive.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

Job = Callable[[], None]


class WorkerThreads:
    """Runs every job at once, on an idle thread if there is one and on a new one otherwise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Run `job` on a thread of its own. It must not raise."""
        with self._lock:
            if self._closed:
                return
            if self._idle:
                # Reserved here, not when the thread takes the job, so that two jobs never
                # count on the same idle thread.
                self._idle -= 1
            else:
                self._threads += 1
                name = f"{self._name}-{self._threads}"
                EngineThread(target=self._work, name=name, daemon=True).start()
            self._jobs.put(job)

    def close(self) -> None:
        """Let idle threads end, and busy ones after their job. Nothing is waited for."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            # Drop the reference: a waiting thread must not keep an invocation's objects alive.
            del job
            with self._lock:
                self._idle += 1
