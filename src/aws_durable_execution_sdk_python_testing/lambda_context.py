"""The context object a Lambda function gets, for functions run in process."""

from __future__ import annotations

import time


class LambdaContext:
    """What Lambda's Python runtime passes as the second argument.

    Args:
        function_name: plain name of the function.
        function_arn: its ARN, with the qualifier it was invoked by.
        request_id: id of this invocation.
        timeout: seconds after which the invocation is given up.
        tenant_id: the tenant it runs for, if any.
    """

    memory_limit_in_mb = "128"
    identity = None
    client_context = None

    def __init__(
        self,
        *,
        function_name: str,
        function_arn: str,
        request_id: str,
        timeout: float,
        tenant_id: str | None = None,
    ) -> None:
        self.aws_request_id = request_id
        self.function_name = function_name
        self.function_version = function_arn.rpartition(":")[2]
        self.invoked_function_arn = function_arn
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = f"local/[{self.function_version}]{request_id}"
        self.tenant_id = tenant_id
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is given up, 0 at the end."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: str) -> None:
        """Print a message, as Lambda puts it into the function's log."""
        print(message)
