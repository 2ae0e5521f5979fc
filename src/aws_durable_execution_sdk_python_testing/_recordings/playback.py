"""Runs a handler against a recording.

The handler gets the state the recording ends with, but with its contexts still open: so that the
code inside them runs too, as it would had the invocation ended there. Operations that have not
ended, and those that are not recorded at all, stay where they are for ever; whoever asks for one
waits, and once everything waits the run is over. So nothing new happens and no step runs.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn, execution_arn, execution_id
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    CheckpointOutput,
    ContextDetails,
    Operation,
    OperationAction,
    OperationUpdate,
    StateOutput,
    Status,
)
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._functions.lambda_context import LambdaContext
from aws_durable_execution_sdk_python_testing._functions.source_lines import SourceLine
from aws_durable_execution_sdk_python_testing._recordings.recording import Recording
from aws_durable_execution_sdk_python_testing._recordings.replay_report import (
    ReplayDivergedError,
    ReplayReport,
)
from aws_durable_execution_sdk_python_testing._recordings.staging import begun, ended_early, stage
from aws_durable_execution_sdk_python_testing._recordings.verdict import (
    Asked,
    Ending,
    find_divergence,
)
from aws_durable_execution_sdk_python_testing._results.folding import fold
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS

_FUNCTION = FunctionArn(DEFAULT_REGION, DEFAULT_ACCOUNT_ID, "replayed")
_EXECUTION_ARN = execution_arn(replace(_FUNCTION, qualifier="1"), "replayed", "replayed")


def replay(handler: Handler, recording: Recording | str | Path) -> ReplayReport:
    """Run a handler against a recording, and see whether it does what is recorded.

    Nothing is called but the handler's own code: no step's function, no service. Code between
    operations does run.

    Parameters:
        handler: decorated with `@durable_execution`.
        recording: the recording, or the file it is in.

    Returns:
        What came of it.

    Raises:
        RecordingError: the recording cannot be read, or lacks what is needed.
        TypeError: the handler is not durable.

    Example:
        ```python
        report = replay(handler, "order-1.json")
        print(report.divergence)
        ```
    """
    if getattr(handler, "__durable_handler__", False) is not True:
        raise TypeError(
            f"{handler!r} is not a durable handler: decorate it with @durable_execution"
        )
    if isinstance(recording, Recording):
        recording.check("the recording")
    else:
        recording = Recording.load(recording)
    playback = _Playback(recording)
    ending = playback.run(handler)
    divergence = find_divergence(
        recording.status if recording.is_complete else None,
        playback.recorded,
        playback.decided,
        playback.asked,
        ending,
    )
    return ReplayReport(
        recorded=recording.status,
        replayed=ending.status,
        operations=len(playback.asked.keys() & playback.recorded.keys()),
        divergence=divergence,
        sources={key: asked.source for key, asked in playback.asked.items() if asked.source},
    )


def assert_replays(handler: Handler, recording: Recording | str | Path) -> None:
    """Fail a test unless the handler does what is recorded; see `replay`.

    Raises:
        ReplayDivergedError: it does not. An AssertionError whose message names the first
            difference: what is recorded, what the code does, its line, and likely causes.

    Example:
        ```python
        @pytest.mark.parametrize("recording", find_recordings(["tests/recordings"]), ids=str)
        def test_executions_under_way_go_on(recording):
            assert_replays(handler, recording)
        ```
    """
    __tracebackhide__ = True
    report = replay(handler, recording)
    if report.divergence is not None:
        name = recording.arn if isinstance(recording, Recording) else recording
        raise ReplayDivergedError(
            f"{name} does not replay with this code:\n{report.divergence}", report
        )


class _Playback:
    """One run of a handler; also the client that the SDK calls.

    Attributes:
        recorded: the operations at the end of the recording, by id.
        decided: the ids of batches that do not wait for all their branches, in the recording or
            in this run: which of their operations are asked for may differ.
        asked: the operations the code asked for, by id.
    """

    def __init__(self, recording: Recording) -> None:
        execution, *operations = fold(recording.events)
        self._arn = recording.arn or _EXECUTION_ARN
        self._function_arn = recording.function_arn or str(_FUNCTION)
        self._function_name = recording.function_name or _FUNCTION.name
        self._execution = execution
        self._is_complete = recording.is_complete
        self.recorded = {
            operation.operation_id: _below(execution, operation) for operation in operations
        }
        self._stage = stage(self.recorded)
        self.decided = set(self._stage.sealed)
        self.asked: dict[str, Asked] = {}
        self._calls = 0

    def run(self, handler: Handler) -> Ending:
        # Here, so that the command line and the plugin start without the execution SDK.
        from aws_durable_execution_sdk_python.execution import (
            DurableExecutionInvocationInputWithClient,
            InitialExecutionState,
        )

        beginning = {
            **self._execution.to_dict(),
            "Id": execution_id(self._arn),
            "Status": Status.STARTED,
        }
        state = InitialExecutionState([beginning, *(o.to_dict() for o in self._stage.operations)])
        given = DurableExecutionInvocationInputWithClient(
            self._arn, "0", state, self, Hooks(recall=self.recall, had_ended=self.had_ended)
        )
        try:
            answer = handler(given, self._lambda_context())
        except BaseException as error:
            return Ending(Status.FAILED, type(error).__name__, str(error), _line_of(error))
        reported = answer.get("Error") or {}
        return Ending(
            Status(answer["Status"]), reported.get("ErrorType"), reported.get("ErrorMessage")
        )

    def _lambda_context(self) -> LambdaContext:
        return LambdaContext(
            function_name=self._function_name,
            function_arn=self._function_arn,
            request_id="replay",
            timeout=MAX_INVOCATION_SECONDS,
        )

    # -- what the SDK asks for --------------------------------------------------------------

    def recall(self, identity: OperationIdentity, known: Operation | None) -> Operation | None:
        """What the code is told: what is recorded, else that it has begun and goes on."""
        self.asked[identity.operation_id] = Asked(identity, SourceLine.of(identity))
        return known or begun(identity)

    def had_ended(self, context_id: str | None) -> bool:
        """Whether a context was at its end: what it asks beyond was not asked when it ran."""
        known = self.recorded.get(context_id or "")
        return self._is_complete or (known is not None and known.status in TERMINAL)

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Take what contexts come to: nothing else is saved in a replay."""
        self._calls += 1
        closed = [_closed(update) for update in updates]
        self.decided |= {batch.operation_id for batch in closed if ended_early(batch)}
        operations: list[Mapping[str, Any]] = [operation.to_dict() for operation in closed]
        return CheckpointOutput(str(self._calls), StateOutput(operations))

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        """There is one page only."""
        return StateOutput([])


def _below(execution: Operation, operation: Operation) -> Operation:
    """An operation at the top level has no parent, also where the history says the execution."""
    at_top = operation.parent_id == execution.operation_id
    return replace(operation, parent_id=None) if at_top else operation


def _closed(update: OperationUpdate) -> Operation:
    """A context after its closing update."""
    succeeded = update.action is OperationAction.SUCCEED
    return Operation(
        operation_id=update.operation_id,
        operation_type=update.operation_type,
        status=Status.SUCCEEDED if succeeded else Status.FAILED,
        parent_id=update.parent_id,
        name=update.name,
        sub_type=update.sub_type,
        context_details=ContextDetails(result=update.payload),
    )


def _line_of(error: BaseException) -> SourceLine | None:
    """The line an error was raised at."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return None
    last = frames[-1]
    return SourceLine(last.filename, last.lineno or 0, last.name)
