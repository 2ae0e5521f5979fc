"""The routes: two of the service's operations, and the driver's controls under /control/."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote

from benchmarks.fake.execution import Execution, RejectedError
from benchmarks.fake.http import Answer, Request, encode_json

PREFIX = "/2025-12-01/durable-executions/"


class Service:
    """All executions, by ARN."""

    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}
        self._created = 0
        # The ARN is part of every target, encoded as the client likes; each form is decoded once.
        self._targets: dict[str, tuple[str, str]] = {}

    def answer(self, request: Request) -> Answer:
        if request.target.startswith("/control/"):
            return self._control(request)
        try:
            execution, action = self._find(request.target.partition("?")[0])
        except KeyError:
            return _refusal(RejectedError(f"No such route or execution: {request.target}", 404))
        started = time.perf_counter()
        try:
            body = encode_json(_call(execution, action, request))
        except RejectedError as error:
            execution.violations.append(str(error))
            return _refusal(error)
        except (KeyError, TypeError, ValueError) as error:
            execution.violations.append(f"malformed request: {error!r}")
            return _refusal(RejectedError(execution.violations[-1]))
        execution.counters.bytes_out += len(body)
        if 0 < execution.latency < time.perf_counter() - started:
            execution.counters.late += 1
        return Answer(200, body, execution.latency)

    def _find(self, path: str) -> tuple[Execution, str]:
        found = self._targets.get(path)
        if found is None:
            if not path.startswith(PREFIX):
                raise KeyError(path)
            encoded, _, action = path[len(PREFIX) :].rpartition("/")
            found = self._targets[path] = (unquote(encoded), action)
        arn, action = found
        return self._executions[arn], action

    def _control(self, request: Request) -> Answer:
        body: dict[str, Any] = json.loads(request.body or b"{}")
        match request.target:
            case "/control/create":
                return Answer(200, encode_json(self._create(**body)))
            case "/control/report":
                return Answer(200, encode_json(self._executions[body["arn"]].report()))
            case "/control/forget":
                self._executions.clear()
                self._targets.clear()
                return Answer(200, b"{}")
            case _:
                return Answer(404, b"{}")

    def _create(
        self,
        payload: str,
        latency: float = 0.0,
        copy_of: str | None = None,
        reopen_contexts: bool = False,
        first_page: int | None = None,
    ) -> dict[str, Any]:
        self._created += 1
        execution = Execution(self._created, latency, payload)
        if copy_of is not None:
            execution.adopt(self._executions[copy_of], reopen_contexts=reopen_contexts)
        self._executions[execution.arn] = execution
        return execution.event(first_page)


def _call(execution: Execution, action: str, request: Request) -> dict[str, Any]:
    match request.method, action:
        case "POST", "checkpoint":
            return execution.checkpoint(json.loads(request.body), len(request.body))
        case "GET", "state":
            query = parse_qs(request.target.partition("?")[2])
            return execution.state(
                query.get("CheckpointToken", [""])[0],
                query.get("Marker", [""])[0],
                int(query.get("MaxItems", ["0"])[0]),
            )
        case _:
            raise RejectedError(f"No such route: {request.method} {action}", 404)


def _refusal(error: RejectedError) -> Answer:
    message = str(error)
    return Answer(error.status, encode_json({"Type": "User", "message": message}))
