"""Reads the functions of a SAM template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python._core.arns import FunctionArn
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._declarations.sam_intrinsics import (
    WITHOUT_PREFIX,
    Intrinsics,
    UnknownValueError,
    as_text,
    is_computed,
    mapping,
)
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_REGION,
)

_FUNCTION = "AWS::Serverless::Function"


def parse_template(text: str) -> Any:
    """The value of a template in YAML or JSON. `!Sub x` reads as `{"Fn::Sub": "x"}`.

    Raises:
        ValueError: it is not valid YAML.
    """
    # Here, so that only those who have templates need PyYAML.
    import yaml

    class Loader(yaml.SafeLoader):
        """Knows CloudFormation's tags, in no other program's loader."""

    def construct(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = loader.construct_mapping(node, deep=True)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = node.value
        return {tag if tag in WITHOUT_PREFIX else f"Fn::{tag}": value}

    Loader.add_multi_constructor("!", construct)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def functions(
    template: Mapping[str, Any], directory: Path, region: str | None = None
) -> list[DeclaredFunction]:
    """The template's functions, with the template's Globals applied.

    Parameters have their defaults, and resources their logical ids for names. What only a
    deployment can know is left out: such a `FunctionName` gives way to the resource's logical
    id, any other such value to its default.

    Parameters:
        template: the parsed template.
        directory: where it lies; `CodeUri` is relative to it.
        region: of the functions; None takes the service's default.
    """
    resources = template["Resources"]
    if not isinstance(resources, Mapping):
        raise DeclarationError("Resources must be an object")
    reader = _Template(template, resources, region or DEFAULT_REGION)
    return [
        _function(logical_id, reader.properties(logical_id), directory)
        for logical_id, resource in resources.items()
        if isinstance(resource, Mapping) and resource.get("Type") == _FUNCTION
    ]


class _Template:
    """Resources with the template's Globals, and everything computed that can be."""

    def __init__(
        self, template: Mapping[str, Any], resources: Mapping[str, Any], region: str
    ) -> None:
        self._resources = resources
        self._region = region
        self._common = mapping(mapping(template.get("Globals")).get("Function"))
        pseudo = {
            "AWS::AccountId": DEFAULT_ACCOUNT_ID,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._intrinsics = Intrinsics(template, pseudo, self._attribute, self._name)

    def properties(self, logical_id: str) -> dict[str, Any]:
        own = mapping(self._resources[logical_id].get("Properties"))
        resolved: dict[str, Any] = self._intrinsics.resolve(_merged(self._common, own))
        return resolved

    def _name(self, logical_id: str) -> str | None:
        """What `Ref` gives for a function that is named."""
        resource = self._resources[logical_id]
        name = mapping(mapping(resource).get("Properties")).get("FunctionName")
        if name is None or mapping(resource).get("Type") != _FUNCTION:
            return None
        try:
            return str(self._intrinsics.resolve(name))
        except UnknownValueError:
            return None

    def _attribute(self, path: str) -> str | None:
        logical_id, _, attribute = path.rpartition(".")
        resource = mapping(self._resources.get(logical_id))
        if attribute != "Arn" or resource.get("Type") != _FUNCTION:
            return None
        name = self._name(logical_id) or logical_id
        return str(FunctionArn(self._region, DEFAULT_ACCOUNT_ID, name))


def _merged(common: Any, own: Any) -> Any:
    """A property with what Globals say of it: objects are merged, all else is replaced."""
    if not isinstance(common, Mapping) or not isinstance(own, Mapping):
        return own
    if is_computed(common) or is_computed(own):
        return own
    shared = {key: _merged(common[key], own[key]) for key in common.keys() & own.keys()}
    return {**common, **own, **shared}


def _function(logical_id: str, properties: Mapping[str, Any], directory: Path) -> DeclaredFunction:
    variables = mapping(mapping(properties.get("Environment")).get("Variables"))
    environment = {"Variables": {key: as_text(value) for key, value in variables.items()}}
    code = properties.get("CodeUri", ".")
    function = replace(
        DeclaredFunction.read(
            logical_id, {**properties, "Environment": environment, "Handler": None}, strict=False
        ),
        # A template has more than what runs here; the rest of it is no mistake.
        required=False,
    )
    if not _is_here(properties) or not isinstance(code, str) or "://" in code:
        return function
    root = directory / code
    module, _, name = properties["Handler"].rpartition(".")
    return replace(function, handler=f"{root / module.replace('.', '/')}.py:{name}", code=root)


def _is_here(properties: Mapping[str, Any]) -> bool:
    """Whether it is a Python function in Lambda's notation, `module.function`, with a file."""
    handler = properties.get("Handler")
    runtime = str(properties.get("Runtime", "python"))
    if not isinstance(handler, str) or "InlineCode" in properties:
        return False
    return "." in handler and runtime.startswith("python")
