"""The executions: started, watched, read back."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from soaking.functions import AT_MOST_ONCE, EXPECTED, callbacks
from soaking.host import FunctionHost
from soaking.service import ServiceProcess

END_EVENTS = {f"Execution{status}" for status in ("Succeeded", "Failed", "TimedOut", "Stopped")}


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
                Qualifier="$LATEST",
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
