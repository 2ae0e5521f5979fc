"""What an operation leaves, on its way to the record and back.

Rules:

- Which serdes an operation uses is settled where it is called: its own, else the one that its
  context has for all. Where that leaves writing the value to the default serdes, alone or
  below stages and stores, the annotation of the function says how, if there is one.
- Without a serdes nothing is awaited. One that is async runs on the event loop, whoever calls; one
  that blocks runs in a worker thread if async code calls; any other runs where the caller is.
- What is on record is read before its end is made known, so that how long reading takes decides
  nothing: see `CompletionOrder`.
- A value that is kept elsewhere is so before its reference is recorded, and its size is that of
  the reference: what is too large for the record is decided after that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

from aws_durable_execution_sdk_python import serdes as codecs
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.serdes_base import AroundAnother
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._operations.typed_results import result_serdes
from aws_durable_execution_sdk_python.exceptions import NestedOperationError, RetryableSerDesError
from aws_durable_execution_sdk_python.offload import (
    AnyOffloading,
    AsyncOffloadingSerDes,
    OffloadingSerDes,
)
from aws_durable_execution_sdk_python.serdes import (
    AnySerDes,
    ExtendedTypeSerDes,
    JsonSerDes,
    SerDes,
    SerDesContext,
    is_async_serdes,
)

T = TypeVar("T")

# What writes values where nothing else is said.
_BY_DEFAULT = (ExtendedTypeSerDes, JsonSerDes)
# What the default serdes reads back as the very value that was written. So are most strings, but
# not those with the halves of a character, which come back as the whole one.
_SAME_WHEN_READ = frozenset({int, bool, float, type(None)})


def own_or_default(
    own: AnySerDes[Any] | None, default: AnySerDes[Any] | None
) -> AnySerDes[Any] | None:
    """The serdes that an operation was given, or what its context has for all."""
    return default if own is None else own


def for_result(
    own: AnySerDes[Any] | None, default: AnySerDes[Any] | None, function: object
) -> AnySerDes[Any] | None:
    """What stores the result of a function: as for any value, and by its annotation.

    An annotation that cannot be evaluated is none.
    """
    given = own_or_default(own, default)
    if given is not None and not is_around_another(given):
        return given
    return typed(given, result_serdes(function))


def typed(given: AnySerDes[Any] | None, by_type: SerDes[Any] | None) -> AnySerDes[Any] | None:
    """A serdes, in which one by type does what the default serdes does in it."""
    if given is None or by_type is None:
        return by_type if given is None else given
    if not isinstance(given, AroundAnother):
        return given
    inner = given.inner
    other = by_type if type(inner) in _BY_DEFAULT else typed(inner, by_type)
    if other is inner:
        return given
    changed: Any = copy.copy(given)
    changed.inner = other
    return changed  # type: ignore[no-any-return]


def by_type_within(default: AnySerDes[Any] | None, by_type: SerDes[Any]) -> AnySerDes[Any]:
    """What reads by type: within the context's serdes where that is around another, else alone."""
    return (typed(default, by_type) or by_type) if is_around_another(default) else by_type


def is_around_another(serdes: AnySerDes[Any] | None) -> bool:
    """Whether it only does something with the texts of another serdes."""
    return isinstance(serdes, AroundAnother)


def innermost_serdes(serdes: Any) -> Any:
    """What writes and reads the value itself, below stages and stores."""
    while isinstance(serdes, AroundAnother):
        serdes = serdes.inner
    return serdes


def unrecorded(serdes: AnySerDes[Any] | None) -> AnySerDes[Any] | None:
    """What writes a value that is not recorded: nothing is kept that nobody would refer to."""
    while _is_offloading(serdes):
        serdes = serdes.inner
    return serdes


async def write(
    runtime: Runtime,
    serdes: AnySerDes[Any] | None,
    value: object,
    identity: OperationIdentity,
    attempt: int = 1,
) -> str | None:
    """The text of a value; None where a serdes stores nothing of None.

    Parameters:
        attempt: which attempt of the operation has left it.

    Raises:
        SerDesError: it has none; the message names the value's type and the operation.
        RetryableSerDesError: as raised by `serdes`.
    """
    if _is_offloading(serdes):
        text = await write(runtime, serdes.inner, value, identity, attempt)
        if text is None:
            return None
        return await _written(
            runtime, serdes, serdes.offload, value, identity, attempt, before=(text,)
        )
    if serdes is None or _runs_inline(serdes):
        operation_id, arn = identity.operation_id, runtime.arn
        return codecs.serialize(
            serdes, value, operation_id, arn, name=identity.name, attempt=attempt
        )
    return await _written(runtime, serdes, serdes.serialize, value, identity, attempt)


async def read(
    runtime: Runtime,
    serdes: AnySerDes[Any] | None,
    text: str | None,
    identity: OperationIdentity,
) -> Any:
    """The value of a text; None where nothing is stored.

    Raises:
        SerDesError: it has none; the message names the operation and the `serdes`.
        RetryableSerDesError: as raised by `serdes`.
    """
    if serdes is None or text is None or _runs_inline(serdes):
        return _read_inline(runtime, serdes, text, identity)
    operation_id, name = identity.operation_id, identity.name
    where = SerDesContext(operation_id, runtime.arn)
    method = serdes.fetch if _is_offloading(serdes) else serdes.deserialize
    try:
        found = await _call(runtime, serdes, name, method, text, where)
    except (RetryableSerDesError, NestedOperationError):
        raise
    except Exception as error:
        raise codecs.not_read(serdes, operation_id, name, error) from error
    if _is_offloading(serdes):
        return await read(runtime, serdes.inner, found, identity)
    return found


def _read_inline(
    runtime: Runtime, serdes: Any, text: str | None, identity: OperationIdentity
) -> Any:
    return codecs.deserialize(serdes, text, identity.operation_id, runtime.arn, name=identity.name)


async def write_and_read(
    runtime: Runtime,
    serdes: AnySerDes[T] | None,
    value: T,
    identity: OperationIdentity,
    attempt: int = 1,
) -> tuple[str | None, T]:
    """The text of a value, and the value as a replay will read it.

    Raises:
        SerDesError, RetryableSerDesError: as `write` and `read` do.
    """
    if serdes is None:
        return round_trip(value, identity, runtime.arn)
    result: T
    if _is_offloading(serdes):
        text, result = await write_and_read(runtime, serdes.inner, value, identity, attempt)
        if text is None:
            return None, result
        record = await _written(
            runtime, serdes, serdes.offload, value, identity, attempt, before=(text,)
        )
        return record, result
    text = await write(runtime, serdes, value, identity, attempt)
    result = await read(runtime, serdes, text, identity)
    return text, result


def round_trip(value: T, identity: OperationIdentity, arn: str) -> tuple[str | None, T]:
    """The text of a value by the default serdes, and the value as a replay will read it.

    Raises:
        SerDesError: it has none.
    """
    operation_id, name = identity.operation_id, identity.name
    text = codecs.serialize(None, value, operation_id, arn, name=name)
    if _is_same_when_read(value):
        return text, value
    again: T = codecs.deserialize(None, text, operation_id, arn, name=name)
    return text, again


def _is_same_when_read(value: object) -> bool:
    return type(value) in _SAME_WHEN_READ or (type(value) is str and value.isascii())


async def read_in_turn(
    runtime: Runtime, serdes: AnySerDes[T] | None, text: str | None, identity: OperationIdentity
) -> T:
    """The value that an operation has left, once everything that ended before it is known.

    Raises:
        SerDesError, RetryableSerDesError: as `read` does; in turn as well.
    """
    operation_id = identity.operation_id
    if serdes is None or text is None or _runs_inline(serdes):
        await runtime.end_in_turn(operation_id)
        return _read_inline(runtime, serdes, text, identity)  # type: ignore[no-any-return]
    value: T = codecs.NOTHING
    failure: Exception | None = None
    with runtime.reading(operation_id):
        try:
            value = await read(runtime, serdes, text, identity)
        except Exception as error:
            failure = error
    await runtime.end_in_turn(operation_id)
    if failure is not None:
        raise failure
    return value


# ------------------------------------------------------------------------------ whom to call, how


def _is_offloading(serdes: object) -> TypeGuard[AnyOffloading]:
    return isinstance(serdes, OffloadingSerDes | AsyncOffloadingSerDes)


def _runs_inline(serdes: AnySerDes[Any]) -> TypeGuard[SerDes[Any]]:
    """Whether its methods are called like any function."""
    return not (_is_offloading(serdes) or is_async_serdes(serdes) or _blocks(serdes))


def _blocks(serdes: AnySerDes[Any]) -> bool:
    return getattr(serdes, "blocking", False) is True


async def _written(
    runtime: Runtime,
    serdes: AnySerDes[Any],
    method: Callable[..., Any],
    value: object,
    identity: OperationIdentity,
    attempt: int,
    *,
    before: tuple[object, ...] = (),
) -> str | None:
    name, operation_id = identity.name, identity.operation_id
    where = SerDesContext(operation_id, runtime.arn, attempt)
    try:
        text = await _call(runtime, serdes, name, method, *before, value, where)
        return codecs.text_of_value(serdes, text, value)
    except (RetryableSerDesError, NestedOperationError):
        raise
    except Exception as error:
        raise codecs.not_written(value, operation_id, name, error) from error


async def _call(
    runtime: Runtime,
    serdes: AnySerDes[Any],
    name: str | None,
    method: Callable[..., Any],
    *args: object,
) -> Any:
    code = Leaf(name, "serdes")
    if is_async_serdes(serdes):
        return await runtime.use(code, method, *args)
    if _blocks(serdes):
        return await runtime.use(code, method, *args, blocks=True)
    return code.call(method, *args)
