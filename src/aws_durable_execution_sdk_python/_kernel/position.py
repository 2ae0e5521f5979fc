"""Where the code of one durable context stands: its ids, its parent, whether it replays.

- The operations of a context are numbered as they are called. The number is taken in the call
  itself, before anything is awaited or handed to a thread, so nothing concurrent can change it.
- Ids begin with the context's own, whether it has an operation or is virtual; the parent is the
  nearest context around that has one.
- `order` is the numbers of the contexts around and the operation's own. It grows along the program,
  also where branches run at the same time, and so sorts what goes into one checkpoint.
- A patch has no number: its marker is known by the context's id and the patch's name, so that code
  with a patch counts as the code without it did.
- A context replays as long as the operation that would come next is on record. Once that is not so
  it stays so; inside a context that has completed everything is a repetition.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType

from aws_durable_execution_sdk_python._core import running
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.ids import IdSequence, marker_id, operation_id
from aws_durable_execution_sdk_python._core.limits import MAX_NESTED_CONTEXTS
from aws_durable_execution_sdk_python._core.model import OperationSubType, OperationType
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.ownership import ContextUse, InvocationScope
from aws_durable_execution_sdk_python.exceptions import (
    OrphanedChildException,
    SuspendExecution,
    ValidationError,
)
from aws_durable_execution_sdk_python.logger import LogInfo
from aws_durable_execution_sdk_python.serdes import SerDesDefaults

# Every module of this package lies below it.
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep

# A marker stands behind the operation called last and all inside it, and before the next one.
_BEHIND = 0.5
# How many numbers in a row may have left no record, as virtual child contexts do, where others may
# have left what is on record.
_LONGEST_GAP = 16


class Position(ContextUse):
    """The durable state behind a context object, blocking or async.

    Attributes:
        ids: the operation ids of this context, in call order.
        parent_id: the ParentId of this context's operations; None at the top level and in
            virtual contexts there.
        depth: how many contexts are around it.
        order: where the context is in the program, see `OperationIdentity`.
        is_virtual: whether the context itself has no operation of its own.
        is_branch: whether others of its kind may run at the same time.
        serdes: what operations use that are given no serdes.
        patches: which way `patched` went in this context, by the name of the patch.
    """

    __slots__ = (
        "_completed",
        "_replaying",
        "depth",
        "ids",
        "is_branch",
        "is_virtual",
        "order",
        "parent_id",
        "patches",
        "serdes",
        "underlying_logger",
    )

    def __init__(
        self,
        scope: InvocationScope,
        *,
        prefix: str | None = None,
        parent_id: str | None = None,
        order: tuple[float, ...] = (),
        outer: Position | None = None,
        is_virtual: bool = False,
        is_branch: bool = False,
    ) -> None:
        super().__init__(scope, outer)
        self.ids = IdSequence(prefix)
        self.depth: int = 0 if outer is None else outer.depth + 1
        self.parent_id = parent_id
        self.order = order
        self.is_virtual = is_virtual
        self.is_branch = is_branch
        self.underlying_logger: object = outer.underlying_logger if outer else logging.getLogger()
        self.serdes: SerDesDefaults = outer.serdes if outer else scope.serdes
        self.patches: dict[str, bool] = {}
        journal = scope.journal
        # Inside a context that has completed, everything is a repetition, to its last line.
        self._completed: bool = (outer is not None and outer._completed) or (
            prefix is not None and journal.is_terminal(prefix)
        )
        self._replaying = journal.has_history

    def child(
        self,
        operation_id: str,
        order: tuple[float, ...],
        *,
        is_virtual: bool = False,
        is_branch: bool = False,
    ) -> Position:
        """The position inside a child context or branch with that operation id."""
        return Position(
            self.scope,
            prefix=operation_id,
            parent_id=self.parent_id if is_virtual else operation_id,
            order=order,
            outer=self,
            is_virtual=is_virtual,
            is_branch=is_branch,
        )

    def aside(self, operation_id: str, *, is_virtual: bool = False) -> Position:
        """A child that no operation of this context stands for; after those called so far."""
        order = (*self.order, self.ids.count)
        aside = self.child(operation_id, order, is_virtual=is_virtual)
        aside.home, aside.runtime = self.home, self.runtime
        return aside

    def check(self) -> None:
        """Refuse an operation that must not be called on this context here and now.

        Raises:
            OrphanedChildException: the branch it belongs to was given up.
            Also what `ContextUse.check` does.
        """
        # Not by `super()`: it is asked twice of each operation.
        code = running.current()
        if code is not self.home:
            self._check_code(code)
        scope = self.scope
        if scope.refused:
            self.check_refusal()
        if scope.journal.has_given_up:
            self.check_wanted()

    def check_wanted(self) -> None:
        """Refuse what nobody waits for any more.

        Raises:
            OrphanedChildException: the branch it belongs to was given up.
        """
        journal = self.scope.journal
        if journal.has_given_up:
            context: ContextUse | None = self
            while isinstance(context, Position):
                if journal.is_given_up(context.ids.prefix):
                    raise OrphanedChildException("the batch around this branch is decided")
                context = context.outer

    def cut_short(self) -> None:
        super().cut_short()
        if self.is_virtual and self.outer is not None:
            self.outer.cut_short()

    def entered(self, runtime: object) -> _Entered:
        """While its function runs in `runtime`; a refusal becomes the function's outcome."""
        return _Entered(self, runtime)

    def take(
        self,
        operation_type: OperationType,
        sub_type: str,
        name: str | None,
        former_name: str | None = None,
    ) -> OperationIdentity:
        """The identity of the operation called now; takes the next number of this context.

        Raises:
            ValidationError: contexts are nested too deep.
        """
        if self.depth >= MAX_NESTED_CONTEXTS and operation_type is OperationType.CONTEXT:
            raise ValidationError(
                f"this context is nested {self.depth} deep, and {MAX_NESTED_CONTEXTS} is the most: "
                "repeat operations in a loop, not in contexts inside each other"
            )
        taken = self.ids.take()
        self.scope.journal.asked_for(taken, self.parent_id)
        return OperationIdentity(
            taken,
            operation_type,
            sub_type,
            name or None,
            self.parent_id,
            _user_site(),
            (*self.order, self.ids.count),
            former_name,
        )

    def marker(self, patch: str) -> OperationIdentity:
        """The identity of the marker of a patch, which takes no number."""
        marker = marker_id(self.ids.prefix, patch)
        self.scope.journal.asked_for(marker, self.parent_id)
        return OperationIdentity(
            marker,
            OperationType.STEP,
            OperationSubType.PATCH,
            patch,
            self.parent_id,
            _user_site(),
            (*self.order, self.ids.count + _BEHIND),
        )

    def branch(
        self,
        batch: OperationIdentity,
        index: int,
        sub_type: str,
        name: str,
        former_name: str | None = None,
    ) -> OperationIdentity:
        """The identity of a branch of a map or parallel, which is asked for where that is."""
        return OperationIdentity(
            operation_id(batch.operation_id, index),
            OperationType.CONTEXT,
            sub_type,
            name,
            self.parent_id,
            batch.site,
            (*self.order, index),
            former_name,
        )

    def log_info(self, identity: OperationIdentity, attempt: int | None = None) -> LogInfo:
        """What the log lines of an operation carry."""
        return LogInfo(
            self.scope.arn,
            identity.parent_id,
            identity.operation_id,
            identity.name,
            attempt,
        )

    def is_replaying(self) -> bool:
        """Whether the code runs through a part that an earlier invocation has run already.

        True as long as the operation that would come next is on record.
        """
        if self._completed:
            return True
        if self._replaying and self.ids.peek() not in self.scope.journal:
            self._replaying = False
        return self._replaying

    def record_goes_on(self, is_alone_in: Callable[[Position], bool]) -> bool:
        """Whether this context did something after this point, or ended, before this code ran.

        Everything below a context with a record that was not asked for is asked, however many
        numbers in between have left none: it comes after this point, as long as nothing else runs
        in there. Where something may, as the branches of a flat batch do, virtual contexts share
        what is below the one around them, and their next numbers are looked for.

        Parameters:
            is_alone_in: tells whether no other code can be at work in a context right now.
        """
        journal, had_ended = self.scope.journal, self.scope.had_ended
        if self._completed or self.ids.peek() in journal:
            return True
        if had_ended is not None and had_ended(self.parent_id):
            return True
        ahead = journal.lies_ahead(self.parent_id)
        if not (ahead and self.is_virtual):
            return bool(ahead)
        line = self._line()
        if not is_alone_in(line[-1]):
            return self._lies_in(ahead)
        return not line[-1].is_virtual or any(context._lies_in(ahead) for context in line)

    def _line(self) -> list[Position]:
        """This context and those around, up to the nearest with a record or the nearest branch."""
        line: list[Position] = [self]
        while line[-1].is_virtual and not line[-1].is_branch:
            outer = line[-1].outer
            if not isinstance(outer, Position):
                break
            line.append(outer)
        return line

    def _lies_in(self, ahead: set[str]) -> bool:
        """Whether some of what is on record has one of this context's next numbers."""
        numbers = range(self.ids.count + 1, self.ids.count + 1 + _LONGEST_GAP)
        return any(_begins(operation_id(self.ids.prefix, n), ahead) for n in numbers)


class _Entered:
    __slots__ = ("_position", "_runtime", "_token")

    def __init__(self, position: Position, runtime: object) -> None:
        self._position = position
        self._runtime = runtime

    def __enter__(self) -> None:
        self._position.runtime = self._runtime
        self._token = ownership.enter(self._position)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            ownership.leave(self._token)
        except ValueError:
            # The collector closes a coroutine in whatever context it runs itself.
            if not isinstance(error, GeneratorExit):
                raise
        position = self._position
        refusal = position.refusal
        if refusal is None:
            return
        position.scope.refused.discard(position)
        # Whoever closes a coroutine, or unwinds a thread, does not want its outcome.
        if error is not refusal and not isinstance(error, (GeneratorExit, SuspendExecution)):
            raise refusal


def _begins(number: str, ahead: set[str]) -> bool:
    """Whether an operation is on record, or one inside it if it is a virtual context."""
    inside = (operation_id(number, n) for n in range(1, 1 + _LONGEST_GAP))
    return number in ahead or any(one in ahead for one in inside)


def _user_site() -> tuple[CodeType, int] | None:
    """The innermost line of user code on the stack.

    For the text of `NonDeterministicExecutionError` only: nothing is decided by it. It is looked
    for at every operation, because the line is gone by the time the error is known.
    """
    frame: FrameType | None = sys._getframe(3)  # above `take` and the plan that calls it
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return None if frame is None else (frame.f_code, frame.f_lineno)
