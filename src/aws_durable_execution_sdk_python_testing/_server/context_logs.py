"""What handlers in the service's own process write by `context.logger`.

Their output goes to the server's own, where nobody can tell whose it is. A record of the context's
logger names its execution, so those that pass the logger's level are kept as well.
"""

from __future__ import annotations

import logging

from aws_durable_execution_sdk_python_testing._sandbox.function_logs import FunctionLogs, LogLine

_FORMAT = logging.Formatter("%(levelname)s %(message)s")


class ContextLogs(logging.Handler):
    """Keeps the newest records of executions; belongs to the root logger from `open` to `close`."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_FORMAT)
        self._lines = FunctionLogs()
        # The invocation in flight of each execution: the function and its request id.
        self._invocations: dict[str, tuple[str, str]] = {}

    def open(self) -> None:
        logging.getLogger().addHandler(self)

    def begin(self, execution_arn: str, function_name: str, request_id: str) -> None:
        """Note whose the records are that come for an execution."""
        self._invocations[execution_arn] = (function_name, request_id)

    def end(self, execution_arn: str) -> None:
        """Its invocation is over."""
        self._invocations.pop(execution_arn, None)

    def emit(self, record: logging.LogRecord) -> None:
        arn = getattr(record, "executionArn", None)
        invocation = self._invocations.get(arn) if isinstance(arn, str) else None
        if arn is None or invocation is None:
            return
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
        else:
            self._lines.append(record.created, *invocation, arn, text)

    def read(self, execution_arn: str) -> list[LogLine]:
        """The lines of an execution, oldest first."""
        return self._lines.read(execution_arn=execution_arn)

    def close(self) -> None:
        logging.getLogger().removeHandler(self)
        super().close()
