"""`@durable_execution`: from a Lambda event to the response, one invocation at a time.

Documented in the product's index ("Durable functions") and getting-started page.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, overload

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.compat import compat_of_environment
from aws_durable_execution_sdk_python._core.delays import TimeLimit, to_seconds
from aws_durable_execution_sdk_python._core.model import InvocationStatus, StateOutput
from aws_durable_execution_sdk_python._core.user_functions import (
    AnyFunction,
    Kind,
    accepts,
    context_kind,
)
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._core.values.boundary import HandlerValues
from aws_durable_execution_sdk_python._kernel.course import InvocationCourse
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._kernel.invocation import ContextFactories, RunningInvocation
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._lambda.init_phase import warm_up
from aws_durable_execution_sdk_python._lambda.pool import run_in_environment
from aws_durable_execution_sdk_python.context import AsyncDurableContext, DurableContext
from aws_durable_execution_sdk_python.exceptions import ExecutionError, ValidationError
from aws_durable_execution_sdk_python.lambda_service import (
    DurableExecutionInvocationOutput,
    DurableServiceClient,
)
from aws_durable_execution_sdk_python.plugin import DurableInstrumentationPluginFactory
from aws_durable_execution_sdk_python.plugin_discovery import load_configured_plugins
from aws_durable_execution_sdk_python.serdes import AnySerDes, SerDesDefaults

__all__ = [
    "DurableExecutionInvocationInput",
    "DurableExecutionInvocationInputWithClient",
    "DurableExecutionInvocationOutput",
    "InitialExecutionState",
    "InvocationStatus",
    "durable_execution",
]

Compat = Literal["aws"]
# What Lambda calls, and what the decorator is given.
Handler: TypeAlias = Callable[[Any, Any], dict[str, Any]]
_AsyncHandler: TypeAlias = Callable[[Any, AsyncDurableContext], Awaitable[object]]
_BlockingHandler: TypeAlias = Callable[[Any, DurableContext], object]

_CONTEXTS = ContextFactories(DurableContext, AsyncDurableContext)


@dataclass(frozen=True)
class InitialExecutionState:
    """The first page of recorded operations, as wire dicts, and the marker of the next one."""

    operations: list[Wire] = field(default_factory=list[Wire])
    next_marker: str = ""

    @classmethod
    def from_dict(cls, data: Wire) -> InitialExecutionState:
        return cls(list(data.get("Operations") or ()), data.get("NextMarker") or "")

    def to_dict(self) -> dict[str, Any]:
        return {"Operations": list(self.operations), "NextMarker": self.next_marker}


@dataclass(frozen=True)
class DurableExecutionInvocationInput:
    """The event that Lambda sends to a durable function.

    Attributes:
        durable_execution_arn: the execution.
        checkpoint_token: what the first checkpoint is called with.
        initial_execution_state: what is on record, or the first page of it.
        updated_operation_ids: the operations that changed while the execution was suspended.
    """

    durable_execution_arn: str
    checkpoint_token: str
    initial_execution_state: InitialExecutionState = field(default_factory=InitialExecutionState)
    updated_operation_ids: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def from_dict(cls, data: Wire) -> DurableExecutionInvocationInput:
        """Read an event.

        Raises:
            ExecutionError: it is not one of a durable function.
        """
        try:
            arn, token = data["DurableExecutionArn"], data["CheckpointToken"]
        except (TypeError, KeyError) as error:
            raise ExecutionError(
                "the event is not that of a durable execution (DurableExecutionArn or "
                "CheckpointToken is missing): configure the function with DurableConfig, and "
                "invoke it through Lambda or a test runner"
            ) from error
        state = InitialExecutionState.from_dict(data.get("InitialExecutionState") or {})
        updated = tuple(data.get("UpdatedOperationIds") or ())
        return cls(arn, token, state, updated_operation_ids=updated)

    def to_dict(self) -> dict[str, Any]:
        return {
            "DurableExecutionArn": self.durable_execution_arn,
            "CheckpointToken": self.checkpoint_token,
            "InitialExecutionState": self.initial_execution_state.to_dict(),
            "UpdatedOperationIds": list(self.updated_operation_ids),
        }


@dataclass(frozen=True)
class DurableExecutionInvocationInputWithClient(DurableExecutionInvocationInput):
    """An event that brings the service client with it: how test runners invoke in process.

    `hooks` are what a test runner puts in the place of the engine's own parts.
    """

    service_client: DurableServiceClient | None = None
    hooks: Hooks = field(default_factory=Hooks)

    @classmethod
    def from_event(
        cls,
        event: Wire,
        service_client: DurableServiceClient,
        hooks: Hooks | None = None,
    ) -> DurableExecutionInvocationInputWithClient:
        plain = DurableExecutionInvocationInput.from_dict(event)
        given = cls.from_durable_execution_invocation_input(plain, service_client)
        return given if hooks is None else replace(given, hooks=hooks)

    @classmethod
    def from_durable_execution_invocation_input(
        cls,
        invocation_input: DurableExecutionInvocationInput,
        service_client: DurableServiceClient,
    ) -> DurableExecutionInvocationInputWithClient:
        return cls(
            invocation_input.durable_execution_arn,
            invocation_input.checkpoint_token,
            invocation_input.initial_execution_state,
            service_client,
            updated_operation_ids=invocation_input.updated_operation_ids,
        )


@overload
def durable_execution(
    func: _AsyncHandler,
) -> Handler: ...
@overload
def durable_execution(func: _BlockingHandler) -> Handler: ...
@overload
def durable_execution(
    func: None = None,
    *,
    boto3_client: object = None,
    compat: Compat | None = None,
    deadline_margin: TimeLimit | None = None,
    serdes: AnySerDes[Any] | SerDesDefaults | None = None,
    plugins: Sequence[DurableInstrumentationPluginFactory] | None = None,
) -> Callable[[_AsyncHandler | _BlockingHandler], Handler]: ...
def durable_execution(
    func: AnyFunction | None = None,
    *,
    boto3_client: object = None,
    compat: Compat | None = None,
    deadline_margin: TimeLimit | None = None,
    serdes: AnySerDes[Any] | SerDesDefaults | None = None,
    plugins: Sequence[DurableInstrumentationPluginFactory] | None = None,
) -> object:
    """Make a Lambda handler durable.

    Parameters:
        func: takes the event and a durable context: the blocking `DurableContext`, or the
            `AsyncDurableContext` if it is `async def` or annotates its parameter so.
        boto3_client: a boto3 Lambda client for all checkpoint and state calls. By default one
            is made from the environment.
        compat: "aws" does as the official SDK where this one differs: a program written for it
            sees what it saw there, and an execution can go back to it (README, "Migrating", has
            the list). Without it the environment variable `DURABLE_EXECUTION_COMPAT` decides.
        deadline_margin: how long before Lambda's time-out no further step, check or child
            context begins: a `Duration`, a timedelta or seconds. Those that run come to their
            end; the rest goes on in another invocation, for which a wait of one second named
            "invocation-deadline" is left. Choose about the time your longest step takes.
            Default: a twentieth of the function's time, from 1 to 10 seconds; never more than
            half of it; 0 turns it off. Blocking code cannot be stopped, but is cut off by
            Lambda, and its operation then runs again as after a crash.
        serdes: stores what operations leave that are given no serdes of their own: a serdes, or
            `SerDesDefaults` to set what invokes and callbacks use as well. What the handler
            itself is given and returns is JSON in any case.
        plugins: factories of plugins that observe each invocation, besides those that the
            environment variable `DURABLE_EXECUTION_PLUGINS` names; see `plugin`.

    Returns:
        The handler for Lambda: it takes Lambda's event and context and returns the response.

    Raises:
        ValidationError: `compat`, `deadline_margin` or `serdes` is something else; the function
            does not take an event and a context, or is `async def` and annotated with
            `DurableContext`.
        PluginLoadError: one of the plugins is no factory, or cannot be loaded.

    Example:
        >>> @durable_execution
        ... def handler(event: dict, context: DurableContext) -> dict:
        ...     return context.step(process(event["order_id"]))
    """
    settings = _Settings.checked(boto3_client, compat, deadline_margin, serdes)
    if func is None:
        return partial(
            durable_execution,
            boto3_client=boto3_client,
            compat=compat,
            deadline_margin=deadline_margin,
            serdes=serdes,
            plugins=plugins,
        )
    if not accepts(func, 2):
        raise ValidationError(
            f"a durable handler takes two arguments, the event and the context; {kind_of(func)} "
            "cannot be called with two. Decorate a function; a method may be called from it"
        )
    kind, values = context_kind(func, Kind.BLOCKING), HandlerValues(func)
    factories = load_configured_plugins(plugins)
    if settings.client is None:
        warm_up()

    @functools.wraps(func)
    def handler(event: Any, lambda_context: Any = None) -> dict[str, Any]:
        given = _parse(event)

        async def main(environment: Environment) -> dict[str, Any]:
            invocation = await _invocation(settings, given, environment, lambda_context)
            state = given.initial_execution_state
            course = InvocationCourse(
                invocation,
                StateOutput(state.operations, state.next_marker),
                plugins=factories,
                updated=given.updated_operation_ids,
            )
            return await course.run(func, kind, values)

        return run_in_environment(main)

    # Lambda must call it as the blocking function it is, also around an `async def`.
    del handler.__wrapped__
    handler.__durable_handler__ = True  # type: ignore[attr-defined]
    return handler


class _Settings(NamedTuple):
    """What the decorator was given.

    Attributes:
        client: the one to use; None for that of the environment.
        compat: None where the environment decides.
        deadline_margin: in seconds.
        serdes: what operations use that are given none.
    """

    client: _BoundClient | None
    compat: Compat | None
    deadline_margin: float | None
    serdes: SerDesDefaults

    @classmethod
    def checked(
        cls,
        boto3_client: object,
        compat: Compat | None,
        deadline_margin: TimeLimit | None,
        serdes: AnySerDes[Any] | SerDesDefaults | None,
    ) -> _Settings:
        if compat not in (None, "aws"):
            raise ValidationError(f"compat must be 'aws' or None, got {compat!r}")
        margin = None if deadline_margin is None else to_seconds(deadline_margin, "deadline_margin")
        client = None if boto3_client is None else _BoundClient(boto3_client)
        return cls(client, compat, margin, SerDesDefaults.of(serdes))

    def is_compat_aws(self, hooks: Hooks) -> bool:
        if self.compat is not None:
            return self.compat == "aws"
        return compat_of_environment() if hooks.compat_aws is None else hooks.compat_aws


async def _invocation(
    settings: _Settings,
    given: DurableExecutionInvocationInput,
    environment: Environment,
    lambda_context: object,
) -> RunningInvocation:
    client, hooks = _brought(given)
    if client is None and settings.client is not None:
        client = settings.client.get()
    return RunningInvocation(
        client or await environment.default_client(),
        given.durable_execution_arn,
        given.checkpoint_token,
        contexts=_CONTEXTS,
        hooks=hooks,
        threads=environment.threads,
        lambda_context=lambda_context,
        compat_aws=settings.is_compat_aws(hooks),
        deadline_margin=settings.deadline_margin,
        serdes=settings.serdes,
    )


def _parse(event: Any) -> DurableExecutionInvocationInput:
    if isinstance(event, DurableExecutionInvocationInput):
        return event
    return DurableExecutionInvocationInput.from_dict(event)


def _brought(
    given: DurableExecutionInvocationInput,
) -> tuple[DurableServiceClient | None, Hooks]:
    """The client and the hooks that a test runner's event brings with it."""
    if isinstance(given, DurableExecutionInvocationInputWithClient):
        return given.service_client, given.hooks
    return None, Hooks()


class _BoundClient:
    """The adapter around the user's boto3 client, made when first needed."""

    def __init__(self, boto3_client: object) -> None:
        self._boto3_client = boto3_client

    def get(self) -> DurableServiceClient:
        from aws_durable_execution_sdk_python._service.boto3_adapter import Boto3Client

        client: DurableServiceClient = Boto3Client(self._boto3_client)
        return client
