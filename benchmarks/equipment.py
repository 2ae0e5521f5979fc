"""The processes of a measurement: the fake service on one core, the worker on another."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.environments import ROOT

WORKER = Path(__file__).resolve().parent / "lanes" / "worker.py"
WORKER_SECONDS = 900
HIGHEST_PRIORITY = -20
# What a function sees of its environment in Lambda, with credentials for nothing.
LAMBDA_ENVIRONMENT = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/benchmark",
    "AWS_LAMBDA_LOG_STREAM_NAME": "benchmark",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "AKIDBENCHMARK",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_SESSION_TOKEN": "benchmark",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # The user's own settings must not decide what is measured.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True)
class Cores:
    """Where the fake and the worker run. The same core if there is only one."""

    fake: int
    worker: int

    @classmethod
    def choose(cls) -> Cores:
        available = sorted(os.sched_getaffinity(0))
        return cls(available[0], available[-1])


def start(command: list[str], core: int, **options: Any) -> subprocess.Popen[str]:
    """Start a process that runs on this core from its first instruction.

    It is a session of its own that runs before everybody else's, where the kernel groups sessions
    and the user may demand that: the rest of a shared machine is noise.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        process = subprocess.Popen(
            command, text=True, start_new_session=True, stdout=subprocess.PIPE, **options
        )
    finally:
        os.sched_setaffinity(0, before)
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text(str(HIGHEST_PRIORITY))
    return process


class FakeService:
    """The fake in its process, and its controls.

    Example:
        with FakeService(Cores.choose()) as fake:
            event = fake.create(payload="null", latency=0.005)
    """

    def __init__(self, cores: Cores) -> None:
        command = [sys.executable, "-m", "benchmarks.fake"]
        self._process = start(command, cores.fake, cwd=ROOT, stdin=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process: it serves as long as its standard input is open."""
        self._connection.close()
        self._process.communicate(timeout=10)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def create(self, **settings: Any) -> dict[str, Any]:
        """A new execution; returns Lambda's event. See `Service._create` for the settings."""
        return self._post("create", settings)

    def report(self, arn: str) -> dict[str, Any]:
        """What was asked for an execution, and what became of it."""
        return self._post("report", {"arn": arn})

    def forget(self) -> None:
        """Forget all executions."""
        self._post("forget", {})

    def _post(self, control: str, body: dict[str, Any]) -> dict[str, Any]:
        self._connection.request("POST", f"/control/{control}", json.dumps(body))
        response = self._connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"the fake refused {control}: {response.status} {text!r}")
        answer: dict[str, Any] = json.loads(text)
        return answer


class WorkerError(Exception):
    """A run failed or gave a wrong answer; the message is what it wrote."""


def run_worker(
    python: Path, job: dict[str, Any], endpoint: str, cores: Cores, source: Path | None = None
) -> dict[str, Any]:
    """Run one job in a fresh interpreter.

    Parameters:
        source: a directory to import the SDK from, instead of the environment's.

    Raises:
        WorkerError: the worker failed, or did not end in time.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL_LAMBDA": endpoint,
        **LAMBDA_ENVIRONMENT,
    }
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    with tempfile.TemporaryDirectory() as directory:
        environment["HOME"] = directory
        order, result = Path(directory, "job.json"), Path(directory, "result.json")
        order.write_text(json.dumps(job))
        command = [str(python), str(WORKER), str(order), str(result), repr(time.monotonic())]
        process = start(
            command, cores.worker, env=environment, cwd=directory, stderr=subprocess.STDOUT
        )
        _finish(process)
        measured: dict[str, Any] = json.loads(result.read_text())
        return measured


def _finish(process: subprocess.Popen[str]) -> None:
    try:
        output, _ = process.communicate(timeout=WORKER_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise WorkerError(f"not finished after {WORKER_SECONDS} s") from error
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode != 0:
        raise WorkerError(output[-4000:])
