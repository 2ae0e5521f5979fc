"""The threads that run functions."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading

from aws_durable_execution_sdk_python_testing._local_service.worker_threads import WorkerThreads


def test_jobs_that_block_run_side_by_side() -> None:
    threads = WorkerThreads("test")
    together = threading.Barrier(5)
    for _ in range(4):
        threads.submit(lambda: together.wait() and None)
    together.wait()
    threads.close()


def test_an_idle_thread_is_used_again() -> None:
    threads = WorkerThreads("test")
    ran: queue.SimpleQueue[str] = queue.SimpleQueue()
    names = set()
    for _ in range(20):
        threads.submit(lambda: ran.put(threading.current_thread().name))
        names.add(ran.get())
    # A job may come before its predecessor's thread is back.
    assert len(names) < 20
    threads.close()


def test_after_closing_nothing_is_run() -> None:
    threads = WorkerThreads("test")
    threads.close()
    threads.submit(lambda: (_ for _ in ()).throw(AssertionError))


def test_a_job_that_never_ends_does_not_keep_the_process_alive() -> None:
    code = (
        "import threading\n"
        "from aws_durable_execution_sdk_python_testing._local_service import worker_threads\n"
        "started = threading.Event()\n"
        "def job():\n"
        "    started.set()\n"
        "    threading.Event().wait()\n"
        "worker_threads.WorkerThreads('test').submit(job)\n"
        "started.wait()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
