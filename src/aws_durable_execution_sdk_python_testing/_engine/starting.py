"""Requests to start an execution: their constraints, defaults, and names used twice."""

from __future__ import annotations

from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.arns import FunctionArn, execution_arn
from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python_testing._engine import lifecycle
from aws_durable_execution_sdk_python_testing._engine.api_model import check_members
from aws_durable_execution_sdk_python_testing._engine.checks import (
    check_account,
    check_function,
    check_range,
    check_size,
    check_tenant,
)
from aws_durable_execution_sdk_python_testing._engine.command_types import Started, StartExecution
from aws_durable_execution_sdk_python_testing._engine.execution_record import Facts
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    DEFAULT_QUALIFIER,
    DurableTarget,
    Target,
    executed_version,
)
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    DurableExecutionAlreadyStartedError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import (
    DEFAULT_RETENTION_DAYS,
    MAX_RETENTION_DAYS,
)
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState

_UNREGISTERED = DurableTarget(
    execution_timeout=MAX_EXECUTION_SECONDS, retention_period_days=DEFAULT_RETENTION_DAYS
)


@dataclass(frozen=True, slots=True)
class _Function:
    """Which function is meant, and what is known of it."""

    name: str
    qualifier: str
    account_id: str
    region: str
    target: Target | None


def start(service: ServiceState, request: StartExecution) -> Started:
    """Start what is asked for, unless the name says that it runs already."""
    function = _function(service, request)
    _check(service, request, function)
    name = request.execution_name or ""
    existing = service.names.get((function.account_id, function.name, name))
    if existing is not None:
        return _same(service, existing, request)
    facts = _facts(service, request, function)
    return Started(lifecycle.create(service, facts, request.input).arn, created=True)


def _function(service: ServiceState, request: StartExecution) -> _Function:
    """The function of that name; an ARN says whose it is, unless the request does."""
    reference = check_function("function name", request.function_name)
    qualifier = reference.qualifier or request.qualifier or DEFAULT_QUALIFIER
    return _Function(
        reference.name,
        qualifier,
        request.account_id or reference.account or service.account_id,
        reference.region or service.region,
        service.targets.find(reference.name, qualifier),
    )


def _check(service: ServiceState, request: StartExecution, function: _Function) -> None:
    name = request.execution_name
    check_members("Invoke", {"Qualifier": function.qualifier, "DurableExecutionName": name})
    check_account(function.account_id)
    check_tenant(request.tenant_id, function.target)
    limits = service.limits
    limit = limits.payload_bytes if request.asynchronous else limits.execution_payload_bytes
    check_size("Input", request.input or "", limit)


def _same(service: ServiceState, arn: str, request: StartExecution) -> Started:
    payload = service.find(arn).root.details.get("InputPayload")
    if payload == request.input:
        return Started(arn, created=False)
    name = request.execution_name
    raise DurableExecutionAlreadyStartedError(
        f"Durable execution {name!r} already exists with a different payload: {arn}"
    )


def _facts(service: ServiceState, request: StartExecution, function: _Function) -> Facts:
    target = function.target
    defaults = target if isinstance(target, DurableTarget) else _UNREGISTERED
    timeout = request.execution_timeout
    timeout = defaults.execution_timeout if timeout is None else timeout
    retention = request.retention_period_days
    retention = defaults.retention_period_days if retention is None else retention
    check_range("ExecutionTimeout", timeout, 1, MAX_EXECUTION_SECONDS)
    check_range("RetentionPeriodInDays", retention, 1, MAX_RETENTION_DAYS)
    unique = service.new_id()
    name = request.execution_name or unique
    version = executed_version(target, function.qualifier)
    arn = FunctionArn(function.region, function.account_id, function.name, version)
    return Facts(
        arn=execution_arn(arn, name, unique),
        name=name,
        function_name=function.name,
        qualifier=function.qualifier,
        region=function.region,
        account_id=function.account_id,
        started=service.now,
        execution_timeout=timeout,
        retention_period_days=retention,
        tenant_id=request.tenant_id,
        trace_header=request.trace_header,
        client_context=request.client_context,
        asynchronous=request.asynchronous,
        lambda_endpoint=request.lambda_endpoint,
        chained_endpoint=request.chained_endpoint,
        skipped=service.skipped,
    )
