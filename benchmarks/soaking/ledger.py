"""What the service has acknowledged, and what invocations have run."""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
)
from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client

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
