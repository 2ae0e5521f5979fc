"""The handler that Lambda's runtime runs to explore another one: it kills its own process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python_testing._declarations.handler_loading import load_handler
from aws_durable_execution_sdk_python_testing._exploration.crash_notes import Notes
from aws_durable_execution_sdk_python_testing._exploration.crash_points import Place
from aws_durable_execution_sdk_python_testing._exploration.crashable_process import (
    REFRESH,
    STATE,
    CrashableProcess,
)

PLAN_VARIABLE = "DURABLE_EXPLORATION_PLAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPlan:
    """What a process reads when an invocation begins.

    Attributes:
        handler: `FILE_OR_MODULE:HANDLER` to explore.
        notes: the file of what is passed in this run.
        target: where to crash.
        lines: how many lines the body at the target has; None if lines are to be counted.
    """

    handler: str
    notes: str
    target: Place | None = None
    lines: int | None = None
    counts_lines: bool = True

    def write(self, path: Path) -> None:
        values = {name: getattr(self, name) for name in self.__slots__}
        path.write_text(json.dumps(values))

    @classmethod
    def read(cls, path: Path) -> Self:
        values = json.loads(path.read_text())
        target = values.pop("target")
        return cls(**values, target=None if target is None else Place.from_list(target))

    def open_notes(self) -> Notes:
        lines: dict[Place, int] | None = None if self.counts_lines else {}
        if lines is not None and self.target is not None and self.lines is not None:
            lines[self.target] = self.lines
        return Notes(Path(self.notes), self.target, lines)


def kill() -> NoReturn:
    """End this process as the out-of-memory killer would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("survived SIGKILL")


# Belongs to the event loop that the SDK keeps for this process.
_client = AioBoto3Client()


def handler(event: Any, context: Any) -> Any:
    """Run the explored handler for one invocation."""
    plan = CrashPlan.read(Path(os.environ[PLAN_VARIABLE]))
    notes = plan.open_notes()
    try:
        process = CrashableProcess(notes, "", kill)
        client = _CrashingClient(process)
        explored = load_handler(plan.handler)
        answer = explored(
            DurableExecutionInvocationInputWithClient.from_event(
                event, client, Hooks(stand_in=process.body)
            ),
            context,
        )
        process.ends()
        return answer
    finally:
        notes.close()


class _CrashingClient:
    """The SDK's own client, in a process that may die before and after each of its calls."""

    def __init__(self, process: CrashableProcess) -> None:
        self._process = process

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        call = self._process.begin_call(REFRESH, [update.to_dict() for update in updates])
        client = await _client.open()
        output = await client.checkpoint(
            durable_execution_arn, checkpoint_token, updates, client_token
        )
        self._process.answered(call)
        return output

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        call = self._process.begin_call(STATE)
        client = await _client.open()
        output = await client.get_execution_state(
            durable_execution_arn, checkpoint_token, next_marker, max_items
        )
        self._process.answered(call)
        return output
