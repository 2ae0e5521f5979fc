"""The ARNs of functions and of executions, and their parts.

arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION/durable-execution/EXECUTION_NAME/ID
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_EXECUTION = "/durable-execution/"
_PARTS = re.compile(
    rf"arn:[^:]+:lambda:[^:]+:[^:]+:function:([^:/]+):[^:/]+{_EXECUTION}([^/]+)/([^/]+)"
)


@dataclass(frozen=True, slots=True)
class FunctionArn:
    """The ARN of a function; the qualifier is a version or an alias."""

    region: str
    account_id: str
    name: str
    qualifier: str | None = None

    def __str__(self) -> str:
        function = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{self.name}"
        return function if self.qualifier is None else f"{function}:{self.qualifier}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take an ARN apart; ValueError if it has not the parts of one."""
        parts = text.split(":")
        if not 7 <= len(parts) <= 8:
            raise ValueError(f"no ARN of a function: {text!r}")
        return cls(parts[3], parts[4], parts[6], parts[7] if len(parts) == 8 else None)


def execution_arn(function: FunctionArn, name: str, execution_id: str) -> str:
    """The ARN of an execution of a version of a function."""
    return f"{function}{_EXECUTION}{name}/{execution_id}"


@dataclass(frozen=True)
class DurableExecutionArn:
    """What the ARN of an execution tells.

    Attributes:
        function_name: the function's, without its version.
        execution_name: as the execution was named when it was started.
        invocation_id: the id of the execution itself, its last part.

    Example:
        >>> DurableExecutionArn.from_arn(
        ...     "arn:aws:lambda:eu-west-1:123456789012:function:orders:7"
        ...     "/durable-execution/order-1/0f9c"
        ... )
        DurableExecutionArn(function_name='orders', execution_name='order-1', invocation_id='0f9c')
    """

    function_name: str
    execution_name: str
    invocation_id: str

    @classmethod
    def from_arn(cls, arn: str) -> Self | None:
        """Take the ARN of an execution apart; None if this is not one."""
        parts = _PARTS.fullmatch(arn)
        return None if parts is None else cls(*parts.groups())


def is_execution_arn(text: str) -> bool:
    """Whether this may be the ARN of an execution."""
    return _EXECUTION in text


def function_part(execution_arn: str) -> str:
    """The ARN of the version of the function that an execution runs."""
    return execution_arn.partition("/")[0]


def execution_name(execution_arn: str) -> str:
    """The name of an execution."""
    return execution_arn.split("/")[-2]


def execution_id(execution_arn: str) -> str:
    """The last part of the ARN of an execution: the id of its EXECUTION operation."""
    return execution_arn.rpartition("/")[2]
