"""Functions a chained invoke can reach, and how they are named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._engine.service_limits import DEFAULT_RETENTION_DAYS

DEFAULT_QUALIFIER = "$LATEST"
UNQUALIFIED = "You cannot invoke a durable function using an unqualified ARN."


@dataclass(frozen=True, slots=True)
class DurableTarget:
    """A durable function: invoking it starts a child execution.

    Attributes:
        execution_timeout: seconds an execution may take, 1 to 31622400.
        retention_period_days: days it is kept after its end, 1 to 90.
        version: the version that runs; None takes the one asked for, `$LATEST` for an alias.
        tenancy: whether invokes must name a tenant (True) or must not (False); None lets
            both pass.
        qualified: whether invokes must name a version, an alias or `$LATEST`.
    """

    execution_timeout: int = 120
    retention_period_days: int = DEFAULT_RETENTION_DAYS
    version: str | None = None
    tenancy: bool | None = None
    qualified: bool = False


@dataclass(frozen=True, slots=True)
class PlainTarget:
    """An ordinary function: called once.

    Attributes:
        version, tenancy: as for a `DurableTarget`.
    """

    version: str | None = None
    tenancy: bool | None = None


Target = DurableTarget | PlainTarget


def target_name(name: str, qualifier: str) -> str:
    """How drivers look a function up: the qualifier only where it is not the default."""
    return name if qualifier == DEFAULT_QUALIFIER else f"{name}:{qualifier}"


def executed_version(target: Target | None, qualifier: str) -> str:
    """The version that runs where `qualifier`, a version or an alias, is asked for."""
    if target is not None and target.version is not None:
        return target.version
    return qualifier if _VERSION.fullmatch(qualifier) else DEFAULT_QUALIFIER


_WORD = "[a-zA-Z0-9-_]"
_LONGEST_NAME = 64
_LATEST = r"\$LATEST(?:\.PUBLISHED)?"
_ACCOUNT_ID = "[0-9]{12}"
ACCOUNT_ID = re.compile(_ACCOUNT_ID)
_VERSION = re.compile(f"{_LATEST}|[0-9]+")
# How requests name a function: a name, a part of its ARN, or all of it.
_REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-[a-z]+)+-[0-9]):)?"
    f"(?:(?P<account>{_ACCOUNT_ID}):)?(?:function:)?"
    f"(?P<name>{_WORD}{{1,{_LONGEST_NAME}}})(?::(?P<qualifier>{_LATEST}|{_WORD}+))?"
)


def as_function_name(text: str) -> str:
    """A valid name of a function that reads like a text."""
    return "".join(c if re.match(_WORD, c) else "_" for c in text)[:_LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A function name taken apart. Parts the caller left out are None."""

    name: str
    qualifier: str | None
    account: str | None
    region: str | None

    @property
    def target_name(self) -> str:
        """`name`, or `name:qualifier` where a particular one is asked for."""
        return target_name(self.name, self.qualifier or DEFAULT_QUALIFIER)

    @classmethod
    def parse(cls, text: str) -> FunctionReference:
        """Read `name`, `name:qualifier`, a partial or a full ARN; ValueError if it is neither.

        >>> FunctionReference.parse("pay:3")
        FunctionReference(name='pay', qualifier='3', account=None, region=None)
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return cls(match["name"], match["qualifier"], match["account"], match["region"])


class TargetRegistry:
    """The registered functions, looked up as `name:qualifier`, then as `name`."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}

    def register(self, function_name: str, target: Target) -> None:
        self._targets[function_name] = target

    def find(self, name: str, qualifier: str | None) -> Target | None:
        exact = self._targets.get(f"{name}:{qualifier or DEFAULT_QUALIFIER}")
        return exact or self._targets.get(name)
