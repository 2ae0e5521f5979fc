"""From what a user calls an execution or a callback to the ARN or id the API wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    Operation,
    OperationType,
    Status,
)
from aws_durable_execution_sdk_python_testing._cli.api_connection import Connection
from aws_durable_execution_sdk_python_testing._cli.command_errors import CommandError
from aws_durable_execution_sdk_python_testing._engine.callbacks import WAIT_FOR_CALLBACK
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi
from aws_durable_execution_sdk_python_testing._results import folding
from aws_durable_execution_sdk_python_testing._results.near_names import did_you_mean

_ARN_PREFIX = "arn:"
# What services that list executions only by function answer when asked for all of them.
_NO_SUCH_LIST = frozenset({"403", "404", "AccessDeniedException", "ResourceNotFoundException"})


def find_execution(api: DurableApi, connection: Connection, text: str) -> str:
    """The ARN of the execution `text`: an ARN, FUNCTION/NAME, or NAME.

    Raises:
        CommandError: there is none of that name, or several.
    """
    if text.startswith(_ARN_PREFIX):
        return text
    function, slash, name = text.rpartition("/")
    if not name:
        raise CommandError(f"{text!r} names no execution: give its ARN, its name, or FUNCTION/NAME")
    found = list(list_executions(api, connection, function or None, DurableExecutionName=name))
    if len(found) == 1:
        return str(found[0]["DurableExecutionArn"])
    if not found:
        raise CommandError(f"no execution named {name!r}" + (f" of {function}" if slash else ""))
    choices = ", ".join(f"{function_of(one)}/{name}" for one in found)
    raise CommandError(f"several executions are named {name!r}; say which one: {choices}")


def list_executions(
    api: DurableApi, connection: Connection, function: str | None, **filters: Any
) -> Iterator[dict[str, Any]]:
    """Executions of a function, or of all where the service lists them.

    Raises:
        CommandError: the service lists only those of one function.
    """
    from botocore.exceptions import ClientError

    if function is None and connection.endpoint is None:
        raise CommandError(_WHICH_FUNCTION)
    try:
        yield from api.executions(function, **filters)
    except ClientError as error:
        if function is None and error.response.get("Error", {}).get("Code") in _NO_SUCH_LIST:
            raise CommandError(_WHICH_FUNCTION) from error
        raise


_WHICH_FUNCTION = "this service lists executions only by function: give the ARN, or FUNCTION/NAME"


def find_callback(api: DurableApi, arn: str, name: str) -> str:
    """The id of the first open callback of that name, or of a `wait_for_callback` called so.

    Raises:
        CommandError: there is none.
    """
    operations = folding.fold(api.events(arn))
    for operation in operations:
        if operation.operation_type is OperationType.EXECUTION and operation.status in TERMINAL:
            raise CommandError(f"the execution has ended: it is {operation.status}")
    waiting = [
        callback
        for callback in folding.callbacks_named(operations, None)
        if callback.status is Status.STARTED
    ]
    named = folding.callbacks_named(operations, name)
    for callback in waiting:
        if callback in named and callback.callback_details is not None:
            return callback.callback_details.callback_id or ""
    others = {callback.name for callback in waiting if callback.name}
    others |= {one.name for one in operations if one.name and _asks_for(one, waiting)}
    hint = did_you_mean(name, others, "open ones") if waiting else "; none is open"
    raise CommandError(f"no open callback named {name!r}{hint}")


def _asks_for(context: Operation, callbacks: Sequence[Operation]) -> bool:
    """Whether it is the `wait_for_callback` that one of them is of."""
    ids = {callback.parent_id for callback in callbacks}
    return context.sub_type == WAIT_FOR_CALLBACK and context.operation_id in ids


def function_of(execution: Mapping[str, Any]) -> str:
    """The plain name of the function of an execution in a list."""
    return FunctionArn.parse(execution["FunctionArn"]).name
