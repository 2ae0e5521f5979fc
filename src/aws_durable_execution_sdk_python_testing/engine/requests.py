"""Requests to start an execution: their constraints, defaults, and names used twice."""

from __future__ import annotations

import re

from aws_durable_execution_sdk_python_testing.engine import lifecycle
from aws_durable_execution_sdk_python_testing.engine.commands import Started, StartExecution
from aws_durable_execution_sdk_python_testing.engine.errors import (
    DurableExecutionAlreadyStartedError,
    InvalidParameterValueError,
)
from aws_durable_execution_sdk_python_testing.engine.execution import Facts
from aws_durable_execution_sdk_python_testing.engine.service import Service
from aws_durable_execution_sdk_python_testing.engine.targets import (
    DEFAULT_QUALIFIER,
    DurableTarget,
    FunctionReference,
)
from aws_durable_execution_sdk_python_testing.engine.validation import (
    check_range,
    check_size,
    check_text,
)

_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_LONGEST_TIMEOUT = 31_622_400
_LONGEST_RETENTION = 90
_UNREGISTERED = DurableTarget(execution_timeout=_LONGEST_TIMEOUT, retention_period_days=14)


def start(service: Service, request: StartExecution) -> Started:
    """Start what is asked for, unless the name says that it runs already."""
    reference = _function(request)
    if request.execution_name is not None:
        check_text("DurableExecutionName", request.execution_name, _NAME)
    limits = service.limits
    limit = limits.payload_bytes if request.asynchronous else limits.execution_payload_bytes
    check_size("Input", request.input or "", limit)
    existing = service.names.get((reference.name, request.execution_name or ""))
    if existing is not None:
        return _same(service, existing, request)
    facts = _facts(service, request, reference)
    return Started(lifecycle.create(service, facts, request.input).arn, created=True)


def _function(request: StartExecution) -> FunctionReference:
    try:
        return FunctionReference.parse(request.function_name)
    except ValueError:
        name = request.function_name
        raise InvalidParameterValueError(f"Invalid function name: {name!r}") from None


def _same(service: Service, arn: str, request: StartExecution) -> Started:
    payload = service.find(arn).root.details.get("InputPayload")
    if payload == request.input:
        return Started(arn, created=False)
    name = request.execution_name
    raise DurableExecutionAlreadyStartedError(
        f"Durable execution {name!r} already exists with a different payload: {arn}"
    )


def _facts(service: Service, request: StartExecution, reference: FunctionReference) -> Facts:
    qualifier = reference.qualifier or request.qualifier or DEFAULT_QUALIFIER
    registered = service.targets.find(reference.name, qualifier)
    defaults = registered if isinstance(registered, DurableTarget) else _UNREGISTERED
    timeout = request.execution_timeout
    timeout = defaults.execution_timeout if timeout is None else timeout
    retention = request.retention_period_days
    retention = defaults.retention_period_days if retention is None else retention
    check_range("ExecutionTimeout", timeout, 1, _LONGEST_TIMEOUT)
    check_range("RetentionPeriodInDays", retention, 1, _LONGEST_RETENTION)
    unique = service.new_id()
    name = request.execution_name or unique
    account_id = request.account_id or service.account_id
    return Facts(
        arn=lifecycle.execution_arn(
            service.region, account_id, reference.name, qualifier, name, unique
        ),
        name=name,
        function_name=reference.name,
        qualifier=qualifier,
        region=service.region,
        account_id=account_id,
        started=service.now,
        execution_timeout=timeout,
        retention_period_days=retention,
        tenant_id=request.tenant_id,
        trace_header=request.trace_header,
        asynchronous=request.asynchronous,
        lambda_endpoint=request.lambda_endpoint,
    )
