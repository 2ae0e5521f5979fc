"""The running executions of a function, replayed against the code at hand.

Invariant: every execution that was listed as running is told of once, whatever becomes of its
replay, and nothing of one replay is left for the next. What ends meanwhile, or is gone, needs no
verdict: no code has to go on with it.
"""

from __future__ import annotations

import enum
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.arns import execution_name, function_part
from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._deploy_gate.replay_process import (
    ReplayFailedError,
    ReplayProcess,
)
from aws_durable_execution_sdk_python_testing._engine import ResourceNotFoundError
from aws_durable_execution_sdk_python_testing._recordings import Divergence, Recording
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi

RUNNING = (Status.RUNNING, Status.PAUSING, Status.PAUSED)


class Verdict(enum.StrEnum):
    """What is known of an execution."""

    REPLAYS = "REPLAYS"
    DIVERGES = "DIVERGES"
    UNCHECKED = "UNCHECKED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class CheckedExecution:
    """One execution that was running.

    Attributes:
        arn: of the execution.
        verdict: whether it would go on.
        operations: how many recorded operations the code asked for again.
        divergence: where it would not.
        reason: why there is no verdict.
    """

    arn: str
    verdict: Verdict
    operations: int = 0
    divergence: Divergence | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """Of the execution."""
        return execution_name(self.arn)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "DurableExecutionArn": self.arn,
            "Name": self.name,
            "Verdict": self.verdict,
            "Operations": self.operations,
            "Divergence": None if self.divergence is None else self.divergence.to_dict(),
            "Reason": self.reason,
        }


def check_running(
    api: DurableApi, function: str, processes: list[ReplayProcess]
) -> Iterator[CheckedExecution]:
    """Replay what runs of a function; findings come as they are made.

    Parameters:
        api: lists the executions and gives their histories.
        function: its name or ARN, with a version or an alias if only their executions count.
        processes: each replays one execution at a time.

    Raises:
        What the API raises if the executions cannot be listed.
        HandlerError: the handler cannot be loaded any more.
    """
    check = _Check(api, function)
    threads = [threading.Thread(target=check.work, args=(process,)) for process in processes]
    try:
        for thread in threads:
            thread.start()
        yield from check.findings(len(threads))
    finally:
        check.stopped = True
        for process in processes:
            process.kill()
        for thread in threads:
            thread.join()


class _Check:
    """What the threads share.

    Attributes:
        stopped: whether no further execution is to be looked at.
    """

    def __init__(self, api: DurableApi, function: str) -> None:
        self.stopped = False
        self._api = api
        self._lock = threading.Lock()
        self._executions = api.executions(function, Statuses=list(RUNNING))
        # None where a thread has come to its end.
        self._found: queue.SimpleQueue[CheckedExecution | BaseException | None] = (
            queue.SimpleQueue()
        )

    def findings(self, threads: int) -> Iterator[CheckedExecution]:
        """What that many threads find."""
        while threads:
            match self._found.get():
                case None:
                    threads -= 1
                case BaseException() as error:
                    raise error
                case finding:
                    yield finding

    def work(self, process: ReplayProcess) -> None:
        """Look at one execution after the other until there are no more."""
        try:
            while (arn := self._next()) is not None:
                self._found.put(self._look_at(arn, process))
        except BaseException as error:
            self._found.put(error)
        self._found.put(None)

    def _next(self) -> str | None:
        with self._lock:
            execution = None if self.stopped else next(self._executions, None)
        return None if execution is None else str(execution["DurableExecutionArn"])

    def _look_at(self, arn: str, process: ReplayProcess) -> CheckedExecution:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            recording = Recording(list(self._api.events(arn)), arn, function_part(arn))
            if recording.status is not Status.RUNNING:
                return CheckedExecution(arn, Verdict.ENDED)
            if not recording.events:
                return CheckedExecution(arn, Verdict.REPLAYS)  # nothing is on record yet
            report = process.replay(recording)
        except ClientError as error:
            answer = error.response.get("Error", {})
            if answer.get("Code") == ResourceNotFoundError.code:
                return CheckedExecution(arn, Verdict.ENDED)
            return _unchecked(arn, f"its history: {answer.get('Code')}: {answer.get('Message')}")
        except BotoCoreError as error:
            return _unchecked(arn, f"its history: {error}")
        except ReplayFailedError as error:
            return _unchecked(arn, str(error))
        verdict = Verdict.REPLAYS if report.ok else Verdict.DIVERGES
        return CheckedExecution(arn, verdict, report.operations, report.divergence)


def _unchecked(arn: str, reason: str) -> CheckedExecution:
    return CheckedExecution(arn, Verdict.UNCHECKED, reason=reason)
