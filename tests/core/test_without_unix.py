"""The packages import, and a handler runs, where Python lacks what only Unix has."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, concurrent.futures.thread, http.server, importlib, logging, multiprocessing.util
import os, pkgutil, shutil, signal, socket, sqlite3, ssl, subprocess, sys, tempfile, threading
import aiobotocore.session, aiohttp, anyio, click, pytest, rich.console, rich.live, yaml

for name in (
    "register_at_fork fork forkpty killpg getuid geteuid getgid getegid getpgid setsid setpgid "
    "fchmod fchown chown lchown O_NOFOLLOW O_CLOEXEC O_DIRECTORY sched_getaffinity uname "
    "posix_spawn wait4 WNOHANG statvfs sysconf mkfifo pread pwrite sendfile fdatasync"
).split():
    if hasattr(os, name):
        delattr(os, name)
os.process_cpu_count = os.cpu_count  # as Python has it there
for name in "SIGKILL SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGQUIT setitimer".split():
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None

import aws_durable_execution_sdk_python as sdk, aws_durable_execution_sdk_python_testing as testing

for package in (sdk, testing):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__") and "flake8" not in module.name:
            importlib.import_module(module.name)


@sdk.durable_execution
def handler(event, context):
    context.wait(seconds=5)
    return context.step(lambda _: 1, name="s")


with testing.DurableFunctionTestRunner(handler) as runner:
    assert runner.run().result == 1
"""


def test_everything_imports_and_a_handler_runs() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
