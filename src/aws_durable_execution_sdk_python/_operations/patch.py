"""patched, deprecate_patch: code that changes while executions run.

Which way an execution goes is decided once in each context, by the first call with a name, and the
same on every replay:

- The marker is on record: the new way. It is written with the next checkpoint, before whatever the
  new way records, so that none of that can be on record without it.
- There is no marker, and the context has more on record than was asked for so far, or has ended:
  that was recorded without the patch, the old way. Nothing is written; what the old way records
  from here on makes the next replay decide the same.
- Neither: nothing was decided here before. The marker is written, the new way.

The marker has no number, so that both ways count as the code before the patch did. An execution
that began after the patch was deprecated has none, and needs none.
"""

from __future__ import annotations

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import OperationAction, Status
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position


async def is_patched(runtime: Runtime, position: Position, name: str) -> bool:
    """Whether the code after a patch is to run; awaits nothing."""
    name = validation.patch_name(name)
    if name not in position.patches:
        position.patches[name] = _decide(runtime, position, position.marker(name))
    return position.patches[name]


async def mention_patch(runtime: Runtime, position: Position, name: str) -> None:
    """Ask for the marker of a patch, if there is one; awaits nothing."""
    marker = position.marker(validation.patch_name(name))
    if runtime.recorded(marker.operation_id) is not None:
        runtime.find(marker)


def _decide(runtime: Runtime, position: Position, marker: OperationIdentity) -> bool:
    is_marked = runtime.recorded(marker.operation_id) is not None
    if not is_marked and position.record_goes_on(runtime.is_alone_in):
        return False
    operation = runtime.find(marker)
    if operation is None:
        runtime.post(marker.update(OperationAction.START))
    if operation is None or operation.status is not Status.SUCCEEDED:
        # Also where an invocation was cut off between the two.
        runtime.post(marker.update(OperationAction.SUCCEED))
    return True
