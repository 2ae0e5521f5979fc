"""The durable operations, for a botocore whose Lambda model does not know them yet.

aioboto3 pins botocore, so the version that can be installed beside it may be older than durable
functions. `lambda_durable.json` describes what such a version lacks, in botocore's own format.
Whatever botocore does know stays as it is: with a recent one nothing is added at all.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

ClientT = TypeVar("ClientT")

_lock = threading.Lock()


def ensure_durable_operations(client: ClientT) -> ClientT:
    """Give a Lambda client the durable operations its botocore lacks.

    Only this one client object changes. Calling again changes nothing, from any thread.

    Parameters:
        client: a Lambda client of boto3, botocore, aioboto3 or aiobotocore. An object of any
            other kind, such as a stand-in for tests, is left as it is.

    Returns:
        The same client.

    Example:
        client = ensure_durable_operations(boto3.client("lambda"))
        client.get_durable_execution(DurableExecutionArn=arn)
    """
    from botocore.client import BaseClient

    if isinstance(client, BaseClient):
        with _lock:
            _extend(client)
    return client


def _extend(client: Any) -> None:
    from botocore.model import ServiceModel

    known = client.meta.service_model
    missing = durable_model()["operations"].keys() - set(known.operation_names)
    if not missing:
        return
    # The description is shared by all clients of a session: extend a copy of it.
    model = ServiceModel(_extended(known._service_description), known.service_name)
    _add_exceptions(client.exceptions, model)
    client.meta._service_model = model
    _add_methods(client, missing)


@functools.cache
def durable_model() -> Mapping[str, Any]:
    """The durable operations with their shapes, and members to add to shapes that exist."""
    from importlib import resources

    text = resources.files(__name__).joinpath("lambda_durable.json").read_text(encoding="utf-8")
    model: Mapping[str, Any] = json.loads(text)
    return model


def service_description() -> dict[str, Any]:
    """A service model of botocore's for the calls an invocation makes, and nothing else."""
    ours = durable_model()
    return {
        "version": "2.0",
        "metadata": {
            "apiVersion": "2015-03-31",
            "auth": ["aws.auth#sigv4"],
            "endpointPrefix": "lambda",
            "protocol": "rest-json",
            "protocols": ["rest-json"],
            "serviceFullName": "AWS Lambda",
            "serviceId": "Lambda",
            "signatureVersion": "v4",
            "uid": "lambda-2015-03-31",
        },
        # Without the errors' shapes, which are botocore's: a ClientError tells all the same.
        "operations": {
            name: {**ours["operations"][name], "errors": []}
            for name in ("CheckpointDurableExecution", "GetDurableExecutionState")
        },
        "shapes": ours["shapes"],
    }


def _extended(description: Mapping[str, Any]) -> dict[str, Any]:
    ours = durable_model()
    # What botocore has under a name wins.
    shapes = {**ours["shapes"], **description["shapes"]}
    for name, members in ours["members"].items():
        shape = shapes[name]
        shapes[name] = {**shape, "members": {**members, **shape["members"]}}
    operations = {**ours["operations"], **description["operations"]}
    return {**description, "operations": operations, "shapes": shapes}


def _add_exceptions(exceptions: Any, model: Any) -> None:
    """Let `client.exceptions` name the new errors; the classes it has already must stay."""
    from botocore.exceptions import ClientError

    known = exceptions._code_to_exception
    for name in durable_model()["shapes"]:
        shape = model.shape_for(name)
        if shape.metadata.get("exception") and shape.error_code not in known:
            known[shape.error_code] = type(name, (ClientError,), {})
            setattr(exceptions, name, known[shape.error_code])


def _add_methods(client: Any, operations: set[str]) -> None:
    from botocore import xform_name

    # botocore makes a class for every client, so this class has no other instance.
    for operation in operations:
        method = xform_name(operation)
        client.meta.method_to_api_mapping[method] = operation
        setattr(type(client), method, _api_method(method, operation))


def _api_method(name: str, operation: str) -> Callable[..., Any]:
    # Awaitable on an aiobotocore client, because `_make_api_call` is.
    def call(self: Any, /, **parameters: Any) -> Any:
        return self._make_api_call(operation, parameters)

    call.__name__ = call.__qualname__ = name
    return call
