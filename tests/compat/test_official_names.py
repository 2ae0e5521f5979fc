"""Every public name of the official SDK 3.0.0 stands where its documentation imports it from.

With its parameters, in its order: programs pass them by position. Ours may have more of them, after
those or by keyword only. The tables are facts about that release, not about this one.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

PACKAGE = "aws_durable_execution_sdk_python"

NAMES: dict[str, str] = {
    "": """
        BatchCompletionError BatchItemStatus BatchResult CallbackError CallbackExternalError
        CallbackSubmitterError CallbackTimeoutError ChildContextError CompletionDecision
        CompletionItemStatus CompletionOutcome CompletionStatus DurableContext
        DurableExecutionsError DurableOperationError ExecutionError InvocationError InvokeError
        ParallelBranch PluginLoadError RetryableSerDesError SerDesError StepContext StepError
        ValidationError WaitForConditionError WithRetryConfig __version__ complete_batch
        continue_batch durable_execution durable_parallel_branch durable_step
        durable_wait_for_callback durable_with_child_context with_retry
    """,
    "execution": """
        DurableExecutionInvocationInput DurableExecutionInvocationInputWithClient
        DurableExecutionInvocationOutput InitialExecutionState InvocationStatus durable_execution
    """,
    "context": """
        Callback DurableContext Duration ExecutionContext durable_parallel_branch durable_step
        durable_wait_for_callback durable_with_child_context
    """,
    "config": """
        BatchItemStatus CallbackConfig ChildConfig CompletionConfig CompletionDecision
        CompletionItemStatus CompletionOutcome CompletionStatus Duration InvokeConfig
        JitterStrategy MapConfig NestingType ParallelBranch ParallelConfig StepConfig
        StepSemantics WaitForCallbackConfig WithRetryConfig complete_batch continue_batch
    """,
    "retries": """
        JitterStrategy LinearRetryStrategyConfig RetryDecision RetryPresets RetryStrategyConfig
        WithRetryConfig create_linear_retry_strategy create_retry_strategy with_retry
    """,
    "waits": """
        WaitForConditionConfig WaitForConditionDecision WaitStrategyConfig create_wait_strategy
    """,
    "types": """
        BatchResult Callback DurableContext DurableExecutionArn LambdaContext LoggerInterface
        OperationContext StepContext WaitForCallbackContext WaitForConditionCheckContext
    """,
    "serdes": """
        DEFAULT_JSON_SERDES EXTENDED_TYPES_SERDES ExtendedTypeSerDes JsonSerDes PassThroughSerDes
        SerDes SerDesContext
    """,
    "filesystem_serdes": "FileSystemSerDes FileSystemSerDesConfig",
    "preview": "PreviewConfig build_preview",
    "state": "ExecutionState ReplayStatus",
    "exceptions": """
        BackgroundThreadError BatchCompletionError BotoClientError CallbackError
        CallbackExternalError CallbackSubmitterError CallbackTimeoutError CheckpointError
        ChildContextError DurableExecutionsError DurableOperationError ExecutionError
        GetExecutionStateError InvalidStateError InvocationError InvokeError
        NonDeterministicExecutionError OrderedLockError OrphanedChildException PluginLoadError
        RetryableSerDesError SerDesError StepError StepInterruptedError SuspendExecution
        TerminationReason TimedSuspendExecution UnrecoverableError ValidationError
        WaitForConditionError
    """,
    "concurrency.models": """
        BatchCompletionError BatchItem BatchItemStatus BatchResult CompletionReason
    """,
    "lambda_service": """
        CallbackDetails CallbackOptions ChainedInvokeDetails ChainedInvokeOptions
        CheckpointOutput ContextDetails ContextOptions DurableExecutionInvocationOutput
        DurableServiceClient ErrorObject ExecutionDetails InvocationStatus LambdaClient Operation
        OperationAction OperationPayload OperationStatus OperationSubType OperationType
        OperationUpdate StateOutput StepDetails StepOptions WaitDetails WaitOptions
    """,
    "logger": "LogInfo Logger LoggerInterface",
    "plugin": """
        DurableInstrumentationPlugin DurableInstrumentationPluginFactory InvocationEndInfo
        InvocationInfo InvocationStartInfo InvocationStatus OperationChangeInfo OperationEndInfo
        OperationInfo OperationStartInfo OperationType PropagationInput PropagationMetadata
        UserFunctionEndInfo UserFunctionOutcome UserFunctionStartInfo
    """,
    "plugin_discovery": """
        PLUGIN_ENTRY_POINT_GROUP PLUGIN_ENVIRONMENT_VARIABLE load_configured_plugins
    """,
}

SIGNATURES: dict[str, str] = {
    "durable_execution": "func *boto3_client *plugins",
    "with_retry": "context func config name",
    "complete_batch": "outcome",
    "continue_batch": "",
    "context.durable_parallel_branch": "name",
    "context.durable_step": "func",
    "context.durable_with_child_context": "func",
    "context.durable_wait_for_callback": "func",
    "context.DurableContext.step": "self func name config",
    "context.DurableContext.run_in_child_context": "self func name config",
    "context.DurableContext.wait": "self duration name",
    "context.DurableContext.create_callback": "self name config",
    "context.DurableContext.wait_for_callback": "self submitter name config",
    "context.DurableContext.wait_for_condition": "self check config name",
    "context.DurableContext.invoke": "self function_name payload name config",
    "context.DurableContext.map": "self inputs func name config",
    "context.DurableContext.parallel": "self *functions *name *config",
    "context.DurableContext.set_logger": "self new_logger",
    "context.DurableContext.is_replaying": "self",
    "context.DurableContext.create_child_context": "self operation_id *is_virtual",
    "context.Callback.result": "self",
    "config.StepConfig": "retry_strategy step_semantics serdes *sub_type",
    "config.ChildConfig": "serdes sub_type summary_generator is_virtual",
    "config.InvokeConfig": "serdes_payload serdes_result tenant_id",
    "config.CallbackConfig": "timeout heartbeat_timeout serdes *sub_type",
    "config.WaitForCallbackConfig": "timeout heartbeat_timeout serdes retry_strategy",
    "config.MapConfig": """
        max_concurrency completion_config serdes item_serdes summary_generator nesting_type
        item_namer
    """,
    "config.ParallelConfig": """
        max_concurrency completion_config serdes item_serdes summary_generator nesting_type
    """,
    "config.CompletionConfig": """
        min_successful tolerated_failure_count tolerated_failure_percentage should_complete
    """,
    "config.CompletionConfig.all_completed": "",
    "config.CompletionConfig.all_successful": "",
    "config.CompletionConfig.first_successful": "",
    "config.ParallelBranch": "func name",
    "config.Duration": "seconds",
    "config.Duration.from_seconds": "value",
    "config.Duration.from_minutes": "value",
    "config.Duration.from_hours": "value",
    "config.Duration.from_days": "value",
    "config.Duration.to_seconds": "self",
    "retries.WithRetryConfig": """
        retry_strategy wrap_with_run_in_child_context child_context_config
    """,
    "retries.RetryStrategyConfig": """
        max_attempts initial_delay max_delay backoff_rate jitter_strategy retryable_errors
        retryable_error_types
    """,
    "retries.LinearRetryStrategyConfig": """
        max_attempts initial_delay increment max_delay jitter_strategy
    """,
    "retries.create_retry_strategy": "config",
    "retries.create_linear_retry_strategy": "config",
    "retries.RetryDecision.retry": "delay",
    "retries.RetryDecision.no_retry": "",
    "retries.RetryPresets.fixed": "interval",
    "waits.WaitStrategyConfig": """
        should_continue_polling max_attempts initial_delay max_delay backoff_rate jitter_strategy
    """,
    "waits.WaitForConditionConfig": "wait_strategy initial_state serdes",
    "waits.create_wait_strategy": "config",
    "waits.WaitForConditionDecision.continue_waiting": "delay",
    "waits.WaitForConditionDecision.stop_polling": "",
    "serdes.SerDesContext": "operation_id durable_execution_arn",
    "serdes.SerDes.serialize": "self value serdes_context",
    "serdes.SerDes.deserialize": "self data serdes_context",
    "concurrency.models.BatchItem": "index status result error",
    "concurrency.models.BatchResult": "all completion_reason",
    "concurrency.models.BatchResult.from_dict": "data completion_config",
    "concurrency.models.BatchResult.from_items": "items completion_config",
    "lambda_service.ErrorObject": "message type data stack_trace",
    "plugin.OperationInfo": """
        operation_id operation_type sub_type name parent_id start_time is_replayed status
        *end_time *result *error *attempt
    """,
    "plugin.OperationInfo.from_operation": "operation *is_replayed",
    "plugin.UserFunctionStartInfo": """
        operation_id operation_type sub_type name parent_id start_time is_replayed status
        is_replay_children *end_time *result *error *attempt
    """,
    "plugin.UserFunctionEndInfo": """
        operation_id operation_type sub_type name parent_id start_time is_replayed status
        is_replay_children outcome *end_time *result *error *attempt
    """,
    "plugin.UserFunctionEndInfo.from_start_info": "start_info error *outcome",
    "plugin.OperationChangeInfo": "execution_arn updated_operations operations",
    "plugin.InvocationStartInfo": """
        request_id execution_arn is_first_invocation execution_start_time
        *execution_input *operations *updated_operations
    """,
    "plugin.InvocationEndInfo": """
        request_id execution_arn is_first_invocation execution_start_time error
        *execution_input *operations *status *execution_result
    """,
    "plugin.InvocationEndInfo.from_durable_execution_invocation_output": """
        invocation_start_info output operations
    """,
    "types.DurableExecutionArn": "function_name execution_name invocation_id",
    "types.DurableExecutionArn.from_arn": "arn",
    "lambda_service.DurableExecutionInvocationOutput": "status result error",
    "lambda_service.DurableExecutionInvocationOutput.create_succeeded": "result",
    "lambda_service.DurableExecutionInvocationOutput.create_pending": "",
    "lambda_service.DurableExecutionInvocationOutput.create_retry": "error",
    "plugin.PropagationInput": """
        execution_arn operation_id target_function_name parent_operation_id
    """,
    "plugin.PropagationMetadata": "x_amzn_trace_id",
    "plugin_discovery.load_configured_plugins": "explicit_plugins *environment",
    "lambda_service.ErrorObject.from_message": "message",
    "lambda_service.ErrorObject.from_exception": "exception",
    "lambda_service.DurableServiceClient.checkpoint": """
        self durable_execution_arn checkpoint_token updates client_token
    """,
    "lambda_service.DurableServiceClient.get_execution_state": """
        self durable_execution_arn checkpoint_token next_marker max_items
    """,
}

# What objects of ours have, which only an instance shows.
MEMBERS: dict[str, str] = {
    "context.DurableContext": """
        create_child_context execution_context is_replaying is_virtual lambda_context logger state
    """,
    "context.Callback": "callback_id result",
    "types.StepContext": "attempt logger",
    "types.WaitForCallbackContext": "logger",
    "types.WaitForConditionCheckContext": "attempt logger",
    "concurrency.models.BatchResult": """
        failed failure_count get_errors get_results has_failure started started_count status
        succeeded success_count throw_if_error to_dict total_count
    """,
    "lambda_service.InvocationStatus": "FAILED PENDING RETRY SUCCEEDED",
    "state.ExecutionState": "durable_execution_arn is_replaying operations replay_status",
    "execution.DurableExecutionInvocationInput": "from_dict to_dict updated_operation_ids",
    "waits.WaitForConditionDecision": "delay_seconds should_continue should_wait",
}

TESTING: dict[str, str] = {
    "": """
        DurableChildContextTestRunner DurableFunctionCloudTestRunner DurableFunctionTestResult
        DurableFunctionTestRunner WebRunner WebRunnerConfig
    """,
    "model": "OperationSubType OperationType",
}


def found(path: str) -> Any:
    """What a dotted path from the package on names."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(f"{PACKAGE}.{module}".rstrip(".")), name)
    except ImportError:
        return getattr(found(module), name)


def each(table: dict[str, str]) -> list[str]:
    """The dotted paths of a table's names."""
    return [
        f"{where}.{name}".lstrip(".") for where, names in table.items() for name in names.split()
    ]


@pytest.mark.parametrize("path", each(NAMES))
def test_a_name_can_be_imported_from_where_it_is_documented(path: str) -> None:
    assert found(path) is not None


@pytest.mark.parametrize("path", each(TESTING))
def test_a_name_of_the_testing_sdk_too(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert hasattr(importlib.import_module(f"{PACKAGE}_testing.{module}".rstrip(".")), name)


@pytest.mark.parametrize("path", SIGNATURES)
def test_parameters_come_in_their_order(path: str) -> None:
    expected = SIGNATURES[path].split()
    by_position = [name for name in expected if not name.startswith("*")]
    by_keyword = {name[1:] for name in expected if name.startswith("*")}
    parameters = inspect.signature(found(path)).parameters
    positional = [
        p.name
        for p in parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    assert positional[: len(by_position)] == by_position
    assert by_keyword <= set(parameters)


@pytest.mark.parametrize("path", SIGNATURES)
def test_what_is_ours_besides_may_be_left_out(path: str) -> None:
    theirs = {name.lstrip("*") for name in SIGNATURES[path].split()}
    needed = {
        p.name
        for p in inspect.signature(found(path)).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    assert needed <= theirs


@pytest.mark.parametrize("path", each(MEMBERS))
def test_an_object_has_what_it_is_asked_for(path: str) -> None:
    owner, _, name = path.rpartition(".")
    cls = found(owner)
    assert hasattr(cls, name) or name in inspect.signature(cls).parameters


@pytest.mark.parametrize(
    "path",
    [
        *("context.DurableContext", "types.DurableContext", "context.Callback", "types.Callback"),
        *("context.durable_step", "config.WithRetryConfig", "retries.WithRetryConfig"),
        *("execution.durable_execution", "types.StepContext", "types.BatchResult"),
        *("concurrency.models.BatchResult", "config.complete_batch"),
    ],
)
def test_a_name_means_the_same_wherever_it_stands(path: str) -> None:
    name = path.rpartition(".")[2]
    everywhere = [found(one) for one in each(NAMES) if one.rpartition(".")[2] == name]
    assert all(one is found(path) for one in everywhere)


@pytest.mark.parametrize("kind", ["ExtendedTypeSerDes", "JsonSerDes", "PassThroughSerDes"])
def test_a_ready_made_serdes_does_not_need_to_be_told_where_a_value_belongs(kind: str) -> None:
    serdes = found(f"serdes.{kind}")()
    assert serdes.deserialize(serdes.serialize("text")) == "text"


@pytest.mark.parametrize("kind", ["StepError", "CallbackTimeoutError", "ChildContextError"])
def test_errors_of_operations_are_one_family(kind: str) -> None:
    assert issubclass(found(f"exceptions.{kind}"), found("exceptions.DurableOperationError"))


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        ("arn:aws:lambda:r:1:function:f:$LATEST/durable-execution/name/id", ("f", "name", "id")),
        ("arn:aws-cn:lambda:r:1:function:f:7/durable-execution/name/id", ("f", "name", "id")),
        ("arn:aws:lambda:r:1:function:f/durable-execution/name/id", None),
        ("arn:aws:lambda:r:1:function:f:7/durable-execution/name", None),
        ("arn:aws:lambda:r:1:function:f:7/durable-execution/name/id/more", None),
        ("", None),
    ],
)
def test_the_arn_of_an_execution_is_taken_apart(arn: str, parts: Any) -> None:
    kind = found("types.DurableExecutionArn")
    assert kind.from_arn(arn) == (None if parts is None else kind(*parts))


def test_an_output_tells_how_an_invocation_ended() -> None:
    output = found("lambda_service.DurableExecutionInvocationOutput")
    error = found("lambda_service.ErrorObject").from_message("broken")
    end = found("plugin.InvocationEndInfo").from_durable_execution_invocation_output
    began = found("plugin.InvocationStartInfo")("id", "arn", True, None, operations={"a": 1})

    ended = [
        end(began, each)
        for each in (
            output.create_succeeded("1"),
            output.create_pending(),
            output.create_retry(error),
        )
    ]

    assert [(e.status, e.execution_result, e.error) for e in ended] == [
        ("SUCCEEDED", "1", None),
        ("PENDING", None, None),
        ("RETRY", None, error),
    ]
    assert [e.operations for e in ended] == [{"a": 1}] * 3
    assert end(began, output.create_pending(), {}).operations == {}


def test_a_name_is_in_the_modules_own_list() -> None:
    """Type checkers take what is not for private."""
    for where, names in NAMES.items():
        module = importlib.import_module(f"{PACKAGE}.{where}".rstrip("."))
        if hasattr(module, "__all__"):
            assert set(names.split()) <= set(module.__all__), where
