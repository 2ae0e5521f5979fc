"""Declared functions: what the service knows of a function before it runs it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python._core.limits import MAX_EXECUTION_SECONDS
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, PlainTarget, Target
from aws_durable_execution_sdk_python_testing._engine.function_targets import FunctionReference
from aws_durable_execution_sdk_python_testing._engine.service_limits import (
    DEFAULT_RETENTION_DAYS,
    MAX_RETENTION_DAYS,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._results.near_names import did_you_mean

_LARGEST_MEMORY_MB = 10_240
_DURABLE_MEMBERS = ("ExecutionTimeout", "RetentionPeriodInDays", "KMSKeyArn")
_MEMBERS = (
    *("FunctionName", "FunctionArn", "Handler", "InvokeEndpoint", "Timeout", "MemorySize"),
    *("Environment", "DurableConfig", "TenancyConfig"),
)
# What else Lambda's own API takes and gives for a function.
_OTHER_MEMBERS = frozenset(
    {
        *("Architectures", "CapacityProviderConfig", "Code", "CodeSha256", "CodeSigningConfigArn"),
        *("CodeSize", "DeadLetterConfig", "Description", "EphemeralStorage", "FileSystemConfigs"),
        *("ImageConfig", "ImageConfigResponse", "KMSKeyArn", "LastModified", "LastUpdateStatus"),
        *("LastUpdateStatusReason", "LastUpdateStatusReasonCode", "Layers", "LoggingConfig"),
        *("MasterArn", "PackageType", "Publish", "PublishTo", "RevisionId", "Role", "Runtime"),
        *("RuntimeVersionConfig", "SigningJobArn", "SigningProfileVersionArn", "SnapStart"),
        *("State", "StateReason", "StateReasonCode", "Tags", "TracingConfig", "Version"),
        *("VpcConfig", "ConfigSha256"),
    }
)


class DeclarationError(Exception):
    """A function is declared in a wrong way; the message is one line and says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFunction:
    """One declared function.

    Attributes:
        name: its plain name.
        aliases: other names it answers to.
        arn: its ARN, if declared; accounts and regions come from it.
        timeout: real seconds one invocation may take; None leaves it to the service.
        durable: how its executions are kept; None for a plain function.
        tenancy: whether invocations must name a tenant; None leaves it to the caller.
        endpoint: the Lambda-compatible endpoint that runs it, if it has one of its own.
        handler: `FILE_OR_MODULE:HANDLER` or the handler itself, if it is to run here.
        code: the directory its modules are imported from; None takes its file's.
        environment: environment variables it runs with, where it has a process of its own.
        memory_size: what it is told it has, in MB; None leaves it to the runtime.
        required: whether it is a mistake that nothing runs it.
        declared: False if nobody said whether it is durable, so that its handler has to show.

    Example:
        >>> Function.read("pay", {"Timeout": 3, "DurableConfig": {"ExecutionTimeout": 60}}).durable
        DurableTarget(execution_timeout=60, retention_period_days=14)
    """

    name: str
    aliases: tuple[str, ...] = ()
    arn: FunctionReference | None = None
    timeout: float | None = None
    durable: DurableTarget | None = None
    tenancy: bool | None = None
    endpoint: str | None = None
    handler: str | Handler | None = None
    code: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    memory_size: int | None = None
    required: bool = True
    declared: bool = True

    @property
    def target(self) -> Target:
        """What chained invokes find under the function's names."""
        target = self.durable or PlainTarget()
        qualifier = self.arn.qualifier if self.arn else None
        version = qualifier if qualifier and qualifier.isdecimal() else None
        return replace(target, version=version, tenancy=self.tenancy)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @classmethod
    def read(
        cls, key: str, declared: Mapping[str, Any], *, strict: bool = True
    ) -> DeclaredFunction:
        """Read a declaration in Lambda's own terms.

        Parameters:
            key: the name it is declared under.
            declared: `FunctionName`, `FunctionArn`, `Timeout`, `MemorySize`, `Environment`,
                `DurableConfig`, `TenancyConfig`, `InvokeEndpoint` and `Handler`, each optional;
                what else Lambda has for a function is not looked at.
            strict: whether anything more is a mistake, of spelling as a rule.

        Raises:
            DeclarationError: a value is not what it should be.
        """
        reader = _Reader(key, declared)
        if strict:
            reader.check_members(_MEMBERS, _OTHER_MEMBERS)
        arn = reader.function("FunctionArn")
        name = reader.text("FunctionName") or (arn.name if arn else key)
        reference = _parse(key, "FunctionName", name)
        tenancy = reader.mapping("TenancyConfig") or {}
        return cls(
            name=reference.name,
            aliases=() if key == reference.name else (key,),
            arn=arn or (reference if reference.account else None),
            timeout=reader.whole("Timeout", MAX_EXECUTION_SECONDS),
            durable=_durable(key, reader.mapping("DurableConfig"), strict=strict),
            tenancy=tenancy.get("TenantIsolationMode") == "PER_TENANT" or None,
            endpoint=reader.text("InvokeEndpoint"),
            handler=reader.text("Handler"),
            environment=_variables(key, reader.mapping("Environment") or {}),
            memory_size=reader.whole("MemorySize", _LARGEST_MEMORY_MB),
        )


class DeclaredFunctions:
    """The declared functions by name. A later declaration replaces an earlier one."""

    def __init__(self, functions: Iterable[DeclaredFunction] = ()) -> None:
        self._by_name: dict[str, DeclaredFunction] = {}
        for function in functions:
            self.add(function)

    def add(self, function: DeclaredFunction) -> None:
        for name in function.names:
            self._by_name[name] = function

    def find(self, name: str) -> DeclaredFunction | None:
        """The function of that plain name, or of `name:qualifier`."""
        return self._by_name.get(name) or self._by_name.get(name.partition(":")[0])

    def __iter__(self) -> Iterator[DeclaredFunction]:
        return iter({id(one): one for one in self._by_name.values()}.values())

    def owner(self) -> tuple[str | None, str | None]:
        """Region and account of the first declared ARN."""
        arns = [function.arn for function in self if function.arn and function.arn.account]
        return (arns[0].region, arns[0].account) if arns else (None, None)


def hosted(name: str, handler: str | Handler) -> DeclaredFunction:
    """A function to run here; whether it is durable shows once its handler is loaded."""
    return DeclaredFunction(name=_parse(name, "name", name).name, handler=handler, declared=False)


def made_durable(function: DeclaredFunction) -> DeclaredFunction:
    """The function with the durable configuration of one that declares none."""
    return replace(function, durable=function.durable or DurableTarget(MAX_EXECUTION_SECONDS))


def _durable(
    key: str, config: Mapping[str, Any] | None, *, strict: bool = False
) -> DurableTarget | None:
    if config is None:
        return None
    reader = _Reader(f"{key}.DurableConfig", config)
    if strict:
        reader.check_members(_DURABLE_MEMBERS, ())
    if "ExecutionTimeout" not in config:
        raise DeclarationError(
            f"{key}.DurableConfig: ExecutionTimeout is missing, the seconds an execution may take: "
            "Lambda creates no durable function without it"
        )
    timeout = reader.whole("ExecutionTimeout", MAX_EXECUTION_SECONDS)
    retention = reader.whole("RetentionPeriodInDays", MAX_RETENTION_DAYS)
    return DurableTarget(timeout or MAX_EXECUTION_SECONDS, retention or DEFAULT_RETENTION_DAYS)


def _variables(key: str, environment: Mapping[str, Any]) -> dict[str, str]:
    """Environment variables as Lambda's `Environment` has them."""
    variables = _Reader(f"{key}.Environment", environment).mapping("Variables") or {}
    reader = _Reader(f"{key}.Environment.Variables", variables)
    return {name: reader.text(name) or "" for name in variables}


def _parse(key: str, member: str, text: str) -> FunctionReference:
    try:
        return FunctionReference.parse(text)
    except ValueError:
        raise DeclarationError(f"{key}: invalid {member}: {text!r}") from None


class _Reader:
    """Members of a declaration, each of the type it must have."""

    def __init__(self, key: str, declared: Any) -> None:
        if not isinstance(declared, Mapping):
            raise DeclarationError(f"{key}: must be an object, not {declared!r}")
        self._key = key
        self._declared: Mapping[str, Any] = declared

    def text(self, member: str) -> str | None:
        value = self._declared.get(member)
        if not isinstance(value, str | None):
            self._refuse(member, value, "a string")
        return value or None

    def mapping(self, member: str) -> Mapping[str, Any] | None:
        value = self._declared.get(member)
        if value is not None and not isinstance(value, Mapping):
            self._refuse(member, value, "an object")
        return value

    def whole(self, member: str, largest: int) -> int | None:
        value = self._declared.get(member)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
            self._refuse(member, value, f"a whole number from 1 to {largest}")
        return int(value)

    def function(self, member: str) -> FunctionReference | None:
        text = self.text(member)
        return None if text is None else _parse(self._key, member, text)

    def check_members(self, known: Collection[str], others: Collection[str]) -> None:
        """Refuse members that are neither known nor to be passed over."""
        for member in self._declared:
            if member not in known and member not in others:
                raise DeclarationError(
                    f"{self._key}: unknown member {member!r}" + did_you_mean(str(member), known)
                )

    def _refuse(self, member: str, value: Any, wanted: str) -> None:
        raise DeclarationError(f"{self._key}: {member} must be {wanted}, not {value!r}")


def without_handler(function: DeclaredFunction) -> DeclaredFunction:
    """The function as one that runs elsewhere."""
    return replace(function, handler=None)
