"""The configuration classes: positions, defaults, forms accepted, mistakes refused."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal, NewType, TypeVar

import pytest
from typing_extensions import TypeAliasType

from aws_durable_execution_sdk_python import config as module
from aws_durable_execution_sdk_python.config import (
    BatchedInput,
    CallbackConfig,
    ChildConfig,
    CompletionConfig,
    Duration,
    InvokeConfig,
    MapConfig,
    NestingType,
    ParallelBranch,
    ParallelConfig,
    StepConfig,
    StepFuture,
    StepSemantics,
    WaitForCallbackConfig,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.filesystem_serdes import FileSystemSerDesConfig
from aws_durable_execution_sdk_python.retries import (
    RetryPresets,
    RetryStrategyConfig,
    create_retry_strategy,
)
from aws_durable_execution_sdk_python.s3_serdes import S3SerDes
from aws_durable_execution_sdk_python.serdes import (
    ExtendedTypeSerDes,
    PassThroughSerDes,
    SerDesContext,
    SerDesDefaults,
    TypedSerDes,
)

T = TypeVar("T")
WHERE = SerDesContext()
STRATEGY = RetryPresets.none()
TEXT = PassThroughSerDes()
ANY = ExtendedTypeSerDes()


def test_a_step_config_takes_the_strategy_first() -> None:
    config = StepConfig(STRATEGY, StepSemantics.AT_MOST_ONCE_PER_RETRY, TEXT, sub_type="Charge")
    assert dataclasses.astuple(config)[:2] == (STRATEGY, "AT_MOST_ONCE_PER_RETRY")
    assert (config.serdes, config.sub_type) == (TEXT, "Charge")


def test_a_step_config_has_no_retry_strategy_by_default() -> None:
    config: StepConfig[Any] = StepConfig()
    assert config.retry_strategy is None
    assert config.step_semantics is StepSemantics.AT_LEAST_ONCE_PER_RETRY


@pytest.mark.parametrize("kind", [StepConfig, WaitForCallbackConfig, WithRetryConfig])
def test_a_strategy_config_is_a_strategy_itself(kind: Any) -> None:
    strategy = kind(retry_strategy=RetryStrategyConfig(2)).retry_strategy
    assert [strategy(ValueError(), attempt).should_retry for attempt in (1, 2)] == [True, False]
    with pytest.raises(ValidationError, match="must be callable"):
        kind(retry_strategy={"max_attempts": 2})


@pytest.mark.parametrize("kind", [StepConfig, ChildConfig, CallbackConfig, WaitForCallbackConfig])
def test_a_sub_type_is_checked(kind: Any) -> None:
    with pytest.raises(ValidationError, match="sub_type must be 1 to 32"):
        kind(sub_type="two words")


def test_a_child_config_takes_serdes_then_sub_type_then_summary_generator() -> None:
    config = ChildConfig(TEXT, "Phase", str.upper, True)
    assert (config.serdes, config.sub_type, config.is_virtual) == (TEXT, "Phase", True)
    assert config.summary_generator is not None
    assert config.summary_generator("short") == "SHORT"


def test_an_invoke_config_takes_both_serdes_then_the_tenant() -> None:
    config = InvokeConfig(TEXT, ANY, "tenant-7")
    assert (config.serdes_payload, config.serdes_result) == (TEXT, ANY)
    assert config.tenant_id == "tenant-7"


def test_a_tenant_id_is_checked() -> None:
    with pytest.raises(ValidationError, match="tenant_id"):
        InvokeConfig(tenant_id="")


@pytest.mark.parametrize("value", [Duration(180), timedelta(minutes=3), 180])
def test_callback_timeouts_are_taken_in_every_form(value: Any) -> None:
    config = CallbackConfig(value, heartbeat_timeout=value)
    assert config.timeout == config.heartbeat_timeout == Duration(180)
    assert (config.timeout_seconds, config.heartbeat_timeout_seconds) == (180, 180)


def test_a_callback_has_no_timeouts_by_default() -> None:
    config: CallbackConfig[Any] = CallbackConfig()
    assert (config.timeout_seconds, config.heartbeat_timeout_seconds) == (0, 0)
    assert config.on_timeout is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"timeout": 100_000_000}, "timeout in seconds must be from 0 to 99999999"),
        ({"heartbeat_timeout": -1}, "heartbeat_timeout in seconds must be at least 0"),
        ({"timeout": timedelta(milliseconds=5)}, "timeout must be whole seconds"),
        ({"on_timeout": "explode"}, "on_timeout must be 'none' or 'raise', got 'explode'"),
    ],
)
def test_bad_callback_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CallbackConfig(**values)


def test_a_wait_for_callback_config_adds_the_strategy_of_the_submitter() -> None:
    config = WaitForCallbackConfig(60, 10, TEXT, STRATEGY, on_timeout="raise")
    assert (config.timeout_seconds, config.retry_strategy) == (60, STRATEGY)
    assert isinstance(config, CallbackConfig)
    assert config.on_timeout == "raise"


def test_a_map_stops_at_the_first_failure_by_default() -> None:
    config: MapConfig[Any] = MapConfig()
    assert config.completion_config == CompletionConfig()
    assert (config.max_concurrency, config.nesting_type) == (None, NestingType.NESTED)


def test_a_parallel_stops_at_the_first_failure_by_default() -> None:
    config: ParallelConfig[Any] = ParallelConfig()
    assert config.completion_config == CompletionConfig.all_successful()


def test_a_map_config_takes_its_values_in_the_official_order() -> None:
    done = CompletionConfig.all_completed()
    config = MapConfig(3, done, ANY, TEXT, repr, NestingType.FLAT, lambda item, i: f"{item}-{i}")
    assert (config.max_concurrency, config.completion_config) == (3, done)
    assert (config.serdes, config.item_serdes) == (ANY, TEXT)
    assert config.nesting_type is NestingType.FLAT
    assert config.item_namer is not None
    assert config.item_namer("a", 1) == "a-1"


def test_a_parallel_config_takes_its_values_in_the_official_order() -> None:
    done = CompletionConfig.first_successful()
    config = ParallelConfig(3, done, ANY, TEXT, None, NestingType.FLAT)
    assert (config.max_concurrency, config.completion_config) == (3, done)
    assert config.nesting_type is NestingType.FLAT


@pytest.mark.parametrize("kind", [MapConfig, ParallelConfig])
def test_a_batch_config_is_checked(kind: Any) -> None:
    with pytest.raises(ValidationError, match="max_concurrency must be at least 1; got 0"):
        kind(max_concurrency=0)
    with pytest.raises(ValidationError, match="completion_config must be a CompletionConfig"):
        kind(completion_config="all")


def test_a_branch_name_is_checked() -> None:
    assert ParallelBranch(len, "count").name == "count"
    with pytest.raises(ValidationError, match="name must be"):
        ParallelBranch(len, "")


def test_with_retry_wraps_its_attempts_in_a_child_context_by_default() -> None:
    config = WithRetryConfig(create_retry_strategy())
    assert config.wrap_in_child_context


@pytest.mark.parametrize(
    "config",
    [
        StepConfig,
        ChildConfig,
        CallbackConfig,
        WaitForCallbackConfig,
        MapConfig,
        ParallelConfig,
        FileSystemSerDesConfig,
        partial(S3SerDes, "bucket"),
        InvokeConfig,
        SerDesDefaults,
    ],
)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, r"got 5 \(int\): for values of a type give TypedSerDes"),
        (object(), "got a value of type object: for values of a type give TypedSerDes"),
        (dict, "got dict: make one of the class, or give TypedSerDes"),
        (PassThroughSerDes, "got PassThroughSerDes: make one of the class"),
    ],
)
def test_what_is_no_serdes_is_refused_where_it_is_given(config: Any, given: Any, said: str) -> None:
    names = ["serdes"]
    if config is InvokeConfig:
        names = ["serdes_payload", "serdes_result"]
    elif config is SerDesDefaults:
        names = ["values", "invoke_payload", "invoke_result", "callback"]
    elif config in (MapConfig, ParallelConfig):
        names = ["serdes", "item_serdes"]
    for name in names:
        with pytest.raises(ValidationError, match=f"^{name} must be an object .*{said}"):
            config(**{name: given})


@pytest.mark.parametrize("given", [5, "Order", None, {"a": int}, [int], Ellipsis])
def test_what_is_no_type_is_refused_where_it_is_given(given: Any) -> None:
    with pytest.raises(ValidationError, match=r"a type must be .* got .*: give the type"):
        TypedSerDes(given)
    if given is not None:
        with pytest.raises(ValidationError, match="a type must be a class"):
            CallbackConfig(result_type=given)


Count = NewType("Count", int)
Counts = TypeAliasType("Counts", list[Count])


@pytest.mark.parametrize(
    "given",
    [int, Any, list, list[int], int | None, Literal[1], Count, Counts, T, Annotated[int, 1]],
)
def test_whatever_says_a_type_is_one(given: Any) -> None:
    assert CallbackConfig(result_type=given).result_type is given
    assert TypedSerDes(given).serialize([1] if given in (list, list[int], Counts) else 1, WHERE)


@pytest.mark.parametrize(
    "config",
    [StepConfig(), CallbackConfig(5), MapConfig(2), ParallelConfig(), RetryStrategyConfig()],
)
def test_configurations_are_immutable_and_hashable(config: Any) -> None:
    assert hash(config) == hash(dataclasses.replace(config))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.timeout = 7


# ------------------------------------------------------------------------------ 1.4 releases


def test_an_invoke_timeout_is_accepted_with_a_warning_that_it_has_no_effect() -> None:
    with pytest.warns(DeprecationWarning, match="timeout.*has no effect") as caught:
        InvokeConfig(timeout=Duration.from_minutes(5))
    assert caught[0].filename == __file__


def test_older_names_are_there() -> None:
    assert BatchedInput("common", [1, 2]).items == [1, 2]
    assert {mode.name for mode in module.TerminationMode} >= {"TERMINATE", "WAIT"}
    assert [unit.name for unit in module.ItemsPerBatchUnit] == ["COUNT", "BYTES"]


def test_a_step_future_gives_the_result() -> None:
    future: Future[int] = Future()
    future.set_result(8)
    assert StepFuture(future, "add").result() == 8
