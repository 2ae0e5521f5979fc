"""A service that is killed again and again, and a thousand executions that must not notice.

    python benchmarks/soak.py --seconds 60 --executions 1000 --seed 1

`durable serve` runs on SQLite in a process of its own, which gets a SIGKILL at random moments and
is started again. The functions run in this process, behind a Lambda-compatible endpoint, with
real boto3 clients; so do the clients that start executions and answer callbacks. For a minute, a
thousand executions are open at any time. An execution that has ended is read back only after one
more kill, and then deleted:

- every checkpoint the service has acknowledged is in its history;
- it ended once, with the result its input calls for;
- no invocation ran the body of a step whose end was acknowledged before that invocation began;
- no attempt of a step that runs at most once per retry ran twice.

Then the limits, one execution each: 3,000 operations, payloads of 1 MiB, a result of 6 MB.
The exit code is 1 if anything was lost or done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import json
import os
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import click
from aiohttp import web
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.service.boto3_adapter import Boto3Client
from aws_durable_execution_sdk_python.service.model import ensure_durable_operations

REGION = "us-west-2"
INVOCATION_THREADS = 64
SECONDS_TO_KILL = (3.0, 9.0)
# Long enough for a thousand executions to be open at once on two cores.
SECONDS_OF_PAUSE = 10
STARTED_AT_A_TIME = 50
SECONDS_BETWEEN_WORDS = 5.0
# How much more memory than in the first lives of the service the last one may take.
MEMORY_GROWTH = 1.3
MIB = 1024 * 1024
MAX_OPERATIONS = 3_000
MAX_SYNCHRONOUS_RESULT = 6 * MIB
TERMINAL = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"}
END_EVENTS = {f"Execution{status}" for status in ("Succeeded", "Failed", "TimedOut", "Stopped")}

# ------------------------------------------------------------------------------ the functions

AT_MOST_ONCE = "charge"  # the name of the step with that semantics

callbacks: queue.SimpleQueue[str] = queue.SimpleQueue()


def note(step: StepContext, name: str) -> None:
    """Called by the body of a step: says that it runs."""
    record = current.get()
    record.runs.append(name)
    if name == AT_MOST_ONCE:
        record.ledger.attempts[step.attempt] += 1


@durable_execution
def order(event: int, context: DurableContext) -> int:
    """Steps of both semantics, a retry, a wait of a second or two."""

    def flaky(step: StepContext) -> int:
        note(step, "flaky")
        if step.attempt < 2:
            raise ConnectionError("try again")
        return event

    def add(name: str, value: int) -> int:
        def body(step: StepContext) -> int:
            note(step, name)
            return value + 1

        once = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY, retry_strategy=again)
        return context.step(body, name=name, config=once if name == AT_MOST_ONCE else None)

    value = add("reserve", event)
    context.wait(seconds=pause(event))
    value = add(AT_MOST_ONCE, value)
    value += context.step(flaky, name="flaky", config=StepConfig(retry_strategy=again)) - event
    return add("ship", value)


def pause(event: int) -> int:
    """Seconds, so that executions started together go on one by one."""
    return SECONDS_OF_PAUSE + event % SECONDS_OF_PAUSE


def again(error: Exception, attempt: int) -> RetryDecision:
    """Try again in a second: a step may be interrupted by any number of kills."""
    return RetryDecision.retry(1)


@durable_execution
async def fan_out(event: int, context: AsyncDurableContext) -> int:
    """Steps side by side, then a map, each branch with a step."""

    def body(name: str, value: int) -> Callable[[Any], Any]:
        async def run(step: StepContext) -> int:
            note(step, name)
            return value

        return run

    first, second = await asyncio.gather(
        context.step(body("left", event), name="left"),
        context.step(body("right", 1), name="right"),
    )
    await context.wait(seconds=pause(event))

    async def branch(child: AsyncDurableContext, item: int, index: int, items: Any) -> int:
        return await child.step(body(f"item-{index}", item), name=f"item-{index}")

    rest = await context.map(range(8), branch, name="items")
    return first + second + sum(rest)


@durable_execution
def approval(event: int, context: DurableContext) -> int:
    """A callback that somebody answers, and a function invoked with the answer."""

    def submit(callback_id: str, _: Any) -> None:
        callbacks.put(callback_id)

    context.wait(seconds=pause(event))
    answer = context.wait_for_callback(submit, name="approve")
    return context.invoke("double", event, name="double") + answer["bonus"]


@durable_execution
def double(event: int, context: DurableContext) -> int:
    return context.step(lambda step: note(step, "double") or event * 2, name="double")


@durable_execution
def many_operations(event: int, context: DurableContext) -> int:
    return sum(context.step(lambda _: 1, name=f"step-{number}") for number in range(event))


@durable_execution
def large_payloads(event: int, context: DurableContext) -> int:
    return sum(len(context.step(lambda _: "x" * event)) for _ in range(3))


@durable_execution
def large_result(event: int, context: DurableContext) -> str:
    context.step(lambda _: None)
    return "x" * event


# What a handler's input must come to.
EXPECTED: dict[str, Callable[[int], int]] = {
    "order": lambda event: event + 3,
    "fan_out": lambda event: event + 1 + sum(range(8)),
    "approval": lambda event: event * 2 + 1,
}
HANDLERS: dict[str, Any] = {
    handler.__name__: handler
    for handler in (
        order,
        fan_out,
        approval,
        double,
        many_operations,
        large_payloads,
        large_result,
    )
}

# ---------------------------------------------------------------------- what must not be lost

# Event types that prove an acknowledged update.
PROOF: dict[tuple[str, str], str] = {
    ("STEP", "START"): "StepStarted",
    ("STEP", "SUCCEED"): "StepSucceeded",
    ("STEP", "FAIL"): "StepFailed",
    ("STEP", "RETRY"): "StepFailed",
    ("CONTEXT", "START"): "ContextStarted",
    ("CONTEXT", "SUCCEED"): "ContextSucceeded",
    ("CONTEXT", "FAIL"): "ContextFailed",
    ("WAIT", "START"): "WaitStarted",
    ("CALLBACK", "START"): "CallbackStarted",
    ("CHAINED_INVOKE", "START"): "ChainedInvokeStarted",
}


@dataclass
class Ledger:
    """What the service has acknowledged to one execution's invocations."""

    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)  # by id and event type
    ended_steps: set[str] = field(default_factory=set)  # names
    repeated: list[str] = field(default_factory=list)  # steps run after their end was known
    attempts: Counter[int] = field(default_factory=Counter)  # runs of the at-most-once step


@dataclass
class InvocationRecord:
    """What one invocation did."""

    ledger: Ledger
    known_at_start: frozenset[str]
    runs: list[str] = field(default_factory=list)


current: contextvars.ContextVar[InvocationRecord] = contextvars.ContextVar("invocation")


class Acknowledging(Boto3Client):
    """The client of an invocation: keeps what the service has acknowledged."""

    def __init__(self, boto3_client: Any, ledger: Ledger) -> None:
        super().__init__(boto3_client)
        self._ledger = ledger

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        output = await super().checkpoint(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        for update in updates:
            proof = PROOF.get((update.operation_type.value, update.action.value))
            if proof is not None:
                self._ledger.acknowledged[update.operation_id, proof] += 1
            if proof == "StepSucceeded" and update.name:
                self._ledger.ended_steps.add(update.name)
        return output

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        return await super().get_execution_state(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )


class FunctionHost:
    """The endpoint the service invokes; it outlives the service."""

    def __init__(self) -> None:
        self.url = ""
        self.service: Any = None  # a boto3 client, once there is a service
        self.ledgers: defaultdict[str, Ledger] = defaultdict(Ledger)
        self.invocations = 0
        self.failed_invocations: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(INVOCATION_THREADS, "function")
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=64 * MIB)
        app.router.add_post("/2015-03-31/functions/{name}/invocations", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await asyncio.Event().wait()

    async def _answer(self, request: web.Request) -> web.Response:
        name, event = request.match_info["name"], await request.json()
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._pool, self._invoke, name, event)
        except Exception as error:
            self.failed_invocations[type(error).__name__] += 1
            report = {"errorType": type(error).__name__, "errorMessage": str(error)}
            headers = {"X-Amz-Function-Error": "Unhandled"}
            return web.json_response(report, headers=headers)
        return web.json_response(answer)

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        self.invocations += 1
        ledger = self.ledgers[event["DurableExecutionArn"]]
        record = InvocationRecord(ledger, frozenset(ledger.ended_steps))
        token = current.set(record)
        try:
            client = Acknowledging(self.service, ledger)
            given = DurableExecutionInvocationInputWithClient.from_event(event, client)
            return HANDLERS[name](given, None)
        finally:
            current.reset(token)
            ledger.repeated += [run for run in record.runs if run in record.known_at_start]


# ------------------------------------------------------------------------------- the service


@dataclass
class Life:
    """From one start of the service to its end."""

    started: float
    seconds_until_ready: float
    peak_rss: int = 0


class ServiceProcess:
    """`durable serve`, again and again on one port and one store."""

    def __init__(self, directory: Path, host: FunctionHost) -> None:
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._functions = directory / "functions.json"
        arn = f"arn:aws:lambda:{REGION}:123456789012:function"
        self._functions.write_text(
            json.dumps(
                {
                    name: {
                        "FunctionName": name,
                        "FunctionArn": f"{arn}:{name}",
                        "Timeout": 300,
                        "DurableConfig": {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 1},
                    }
                    for name in HANDLERS
                }
            )
        )
        self._endpoint = host.url
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = ensure_durable_operations(
            boto3.client(
                "lambda",
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id="soak",
                aws_secret_access_key="soak",
                config=Config(
                    max_pool_connections=2 * INVOCATION_THREADS,
                    connect_timeout=2,
                    read_timeout=120,
                    retries={"mode": "standard", "total_max_attempts": 4},
                ),
            )
        )
        self.lives: list[Life] = []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        started = time.monotonic()
        log = (self._directory / "service.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _SERVE, "serve", "--port", str(self._port)),
                    *("--lambda-endpoint", self._endpoint, "--functions", self._functions),
                    *("--store", f"sqlite:{self._directory / 'executions.db'}"),
                ],
                stdout=log,
                stderr=log,
            )
        while True:
            if self._process.poll() is not None:
                raise RuntimeError((self._directory / "service.log").read_text())
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                break
            time.sleep(0.02)
        self.lives.append(Life(started, time.monotonic() - started))
        self._ready.set()

    def kill(self) -> None:
        assert self._process is not None
        self.sample()
        self._ready.clear()
        self._process.kill()
        self._process.wait()

    def sample(self) -> None:
        """Note how much memory it takes."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
            rss = pages * os.sysconf("SC_PAGE_SIZE")
            self.lives[-1].peak_rss = max(self.lives[-1].peak_rss, rss)

    def until_answered(self, call: Callable[..., Any], **request: Any) -> Any:
        """Make a call again and again until the service has answered it."""
        while True:
            self._ready.wait()
            try:
                return call(**request)
            except (
                botocore.exceptions.EndpointConnectionError,
                botocore.exceptions.ConnectionClosedError,
                botocore.exceptions.ReadTimeoutError,
                botocore.exceptions.HTTPClientError,
            ):
                time.sleep(0.05)


_SERVE = "from aws_durable_execution_sdk_python_testing.cli import main; main()"

# -------------------------------------------------------------------------------- the soaking


@dataclass
class Summary:
    """What came of it."""

    started: int = 0
    verified: int = 0
    events: int = 0
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)


class Soak:
    """Keeps executions open, and reads back what has ended."""

    def __init__(self, service: ServiceProcess, host: FunctionHost, seed: int) -> None:
        self._service = service
        self._host = host
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        # By ARN: function and input of what is not verified, and the number of lives the service
        # had lived when what has ended was seen to.
        self.open: dict[str, tuple[str, int]] = {}
        self.ended: dict[str, int] = {}
        self.summary = Summary()
        self._answering = ThreadPoolExecutor(4, "answers")
        self._background = ThreadPoolExecutor(1, "verification")
        self._verifying: Future[None] = self._background.submit(lambda: None)
        threading.Thread(target=self._answer_callbacks, daemon=True).start()

    def start(self, executions: int) -> None:
        """Start so many executions."""
        for _ in range(executions):
            number = next(self._numbers)
            name = self._random.choice(list(EXPECTED))
            started = self._service.until_answered(
                self._service.client.invoke,
                FunctionName=name,
                InvocationType="Event",
                DurableExecutionName=f"soak-{number}",
                Payload=json.dumps(number),
            )
            self.open[started["DurableExecutionArn"]] = (name, number)
            self.summary.started += 1

    def _running(self) -> set[str]:
        running: set[str] = set()
        for name in EXPECTED:
            request = {"FunctionName": name, "Statuses": ["RUNNING"], "MaxItems": 1000}
            while True:
                page = self._service.until_answered(
                    self._service.client.list_durable_executions_by_function, **request
                )
                running |= {item["DurableExecutionArn"] for item in page["DurableExecutions"]}
                if not page.get("NextMarker"):
                    break
                request["Marker"] = page["NextMarker"]
        return running

    def observe(self) -> None:
        """Look which have ended, and verify those the service has been killed since."""
        running = self._running()
        life = len(self._service.lives)
        for arn in self.open.keys() - running - self.ended.keys():
            self.ended[arn] = life
        old = [arn for arn, observed in self.ended.items() if observed < life]
        if old and self._verifying.done():
            self._verifying.result()
            inputs = [(arn, *self.open.pop(arn)) for arn in old]
            for arn in old:
                del self.ended[arn]
            self._verifying = self._background.submit(self._verify, inputs)

    def finish(self) -> Summary:
        """What came of it, when everything is verified."""
        self._verifying.result()
        return self.summary

    def _verify(self, inputs: Sequence[tuple[str, str, int]]) -> None:
        """Read executions back, compare them with the ledgers, and delete them."""
        for arn, name, number in inputs:
            self._check(arn, EXPECTED[name](number))
            self._service.until_answered(
                self._service.client.delete_durable_execution, DurableExecutionArn=arn
            )
            del self._host.ledgers[arn]

    def _check(self, arn: str, expected: Any) -> None:
        client, summary = self._service.client, self.summary
        execution = self._service.until_answered(
            client.get_durable_execution, DurableExecutionArn=arn
        )
        if execution["Status"] != "SUCCEEDED" or json.loads(execution["Result"]) != expected:
            summary.problems.append(
                f"{arn}: {execution['Status']} with {execution.get('Result')}, "
                f"{execution.get('Error')}; expected {expected}"
            )
        events = list(self._events(arn))
        if [event["EventId"] for event in events] != list(range(1, len(events) + 1)):
            summary.problems.append(f"{arn}: event ids are not consecutive")
        ends = [event["EventType"] for event in events if event["EventType"] in END_EVENTS]
        if len(ends) != 1 or events[-1]["EventType"] not in END_EVENTS:
            summary.problems.append(f"{arn}: ended with {ends}")
        found = Counter((event.get("Id"), event["EventType"]) for event in events)
        ledger = self._host.ledgers[arn]
        for (operation_id, proof), times in ledger.acknowledged.items():
            if found[operation_id, proof] < times:
                summary.problems.append(
                    f"{arn}: {times} acknowledged {proof} of {operation_id}, "
                    f"{found[operation_id, proof]} in its history"
                )
        summary.problems += [f"{arn}: {step} ran after its end" for step in ledger.repeated]
        summary.problems += [
            f"{arn}: attempt {attempt} of {AT_MOST_ONCE} ran {times} times"
            for attempt, times in ledger.attempts.items()
            if times > 1
        ]
        summary.verified += 1
        summary.events += len(events)
        summary.acknowledged += ledger.acknowledged.total()

    def _events(self, arn: str) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"DurableExecutionArn": arn, "MaxItems": 1000}
        while True:
            page = self._service.until_answered(
                self._service.client.get_durable_execution_history, **request
            )
            yield from page["Events"]
            if not page.get("NextMarker"):
                return
            request["Marker"] = page["NextMarker"]

    def _answer_callbacks(self) -> None:
        while True:
            self._answering.submit(self._answer, callbacks.get())

    def _answer(self, callback_id: str) -> None:
        # Answered twice if the first answer's own answer was lost: then it is closed already.
        client = self._service.client
        with contextlib.suppress(client.exceptions.CallbackTimeoutException):
            self._service.until_answered(
                client.send_durable_execution_callback_success,
                CallbackId=callback_id,
                Result=b'{"bonus": 1}',
            )


def soak(
    service: ServiceProcess, host: FunctionHost, options: Options, console: Console
) -> Summary:
    """Keep so many executions open for so long, while the service is killed."""
    work = Soak(service, host, options.seed)
    killer = Killer(service, options.seed)
    began = time.monotonic()
    next_words = began + SECONDS_BETWEEN_WORDS
    while (seconds := time.monotonic() - began) < options.seconds + options.drain_seconds:
        running = len(work.open) - len(work.ended)
        if seconds < options.seconds:
            work.start(min(STARTED_AT_A_TIME, options.executions - running))
        elif not work.open:
            break
        work.observe()
        service.sample()
        if time.monotonic() >= next_words:
            next_words = time.monotonic() + SECONDS_BETWEEN_WORDS
            console.print(
                f"{seconds:5.0f} s: {work.summary.started} started, {running} running, "
                f"{work.summary.verified} verified, {len(service.lives) - 1} kills"
            )
        time.sleep(0.1)
    killer.stop()
    work.summary.problems += [
        f"{arn} has not ended" for arn in work.open.keys() - work.ended.keys()
    ]
    return work.finish()


class Killer:
    """Kills the service at random moments, and starts it again."""

    def __init__(self, service: ServiceProcess, seed: int) -> None:
        self._service = service
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._random.uniform(*SECONDS_TO_KILL)):
            self._service.kill()
            self._service.start()


# --------------------------------------------------------------------------------- the limits


def limits(service: ServiceProcess) -> list[tuple[str, str]]:
    """One execution at each limit; what it is, and what was wrong with it if anything."""
    payload = MIB - 2  # with its quotation marks
    result = MAX_SYNCHRONOUS_RESULT - 2
    return [
        (
            f"{MAX_OPERATIONS:,} operations",
            _outcome(service, "many_operations", MAX_OPERATIONS - 1, MAX_OPERATIONS - 1),
        ),
        ("3 step results of 1 MiB", _outcome(service, "large_payloads", payload, 3 * payload)),
        ("a result of 6 MiB", _outcome(service, "large_result", result, "x" * result)),
    ]


def _outcome(service: ServiceProcess, name: str, event: int, expected: Any) -> str:
    answer = service.client.invoke(FunctionName=name, Payload=json.dumps(event))
    text = answer["Payload"].read()
    if answer.get("FunctionError"):
        return str(text[:300])
    return "" if json.loads(text) == expected else f"{text[:80]!r}, not what was expected"


# --------------------------------------------------------------------------------- the report


@dataclass(frozen=True)
class Options:
    """Of the command line."""

    seconds: float
    executions: int
    seed: int
    drain_seconds: float


def _grown(lives: Sequence[Life]) -> float:
    """The memory of the last life of some length over the most that the first ones took."""
    peaks = [life.peak_rss for life in lives if life.peak_rss]
    if len(peaks) < 4:
        return 1.0
    half = len(peaks) // 2
    return max(peaks[half:]) / max(peaks[:half])


def _report(
    console: Console, service: ServiceProcess, host: FunctionHost, summary: Summary
) -> None:
    table = Table("What", "How much", title="Soak")
    rows: list[tuple[str, Any]] = [
        ("executions started", summary.started),
        ("ended once with the right result, read back after a kill", summary.verified),
        ("kills of the service", len(service.lives) - 1),
        ("slowest restart, seconds", f"{max(x.seconds_until_ready for x in service.lives):.2f}"),
        ("invocations", host.invocations),
        ("... that failed, by error", dict(host.failed_invocations)),
        ("acknowledged updates, all in the histories", summary.acknowledged),
        ("events", summary.events),
        ("peak memory by life of the service, MB", _megabytes(service.lives)),
        ("problems", len(summary.problems)),
    ]
    for what, value in rows:
        table.add_row(what, f"{value:,}" if isinstance(value, int) else str(value))
    console.print(table)
    for problem in summary.problems[:20]:
        console.print(problem, style="red", markup=False)


def _megabytes(lives: Sequence[Life]) -> str:
    return " ".join(str(life.peak_rss // MIB) for life in lives)


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long to start executions.")
@click.option("--executions", default=1000, show_default=True, help="Open at any time.")
@click.option("--seed", default=1, show_default=True, help="Of the kills and the executions.")
@click.option("--drain-seconds", default=120.0, show_default=True, help="For what is left.")
def main(**options: Any) -> None:
    """Soak the local service, with kills."""
    console, settings = Console(), Options(**options)
    console.print(f"seed {settings.seed}")
    host = FunctionHost()
    with tempfile.TemporaryDirectory() as directory:
        service = ServiceProcess(Path(directory), host)
        service.start()
        host.service = service.client
        try:
            summary = soak(service, host, settings, console)
            at_limits = limits(service)
        finally:
            service.kill()
    growth = _grown(service.lives[:-1])
    if growth > MEMORY_GROWTH:
        summary.problems.append(f"memory has grown by a factor of {growth:.2f}")
    summary.problems += [f"{what}: {wrong}" for what, wrong in at_limits if wrong]
    _report(console, service, host, summary)
    for what, wrong in at_limits:
        console.print(f"{what}: {wrong or 'right'}", markup=False)
    # Threads of the host may still wait for a service that is gone.
    os._exit(1 if summary.problems else 0)


if __name__ == "__main__":
    main()
