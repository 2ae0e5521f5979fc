"""Reads the functions of a SAM template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from aws_durable_execution_sdk_python_testing.server.functions import DeclarationError, Function

_FUNCTION = "AWS::Serverless::Function"
# CloudFormation's own name of a short tag is `Fn::` and the tag, except for these.
_WITHOUT_PREFIX = frozenset({"Ref", "Condition"})


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
        return {tag if tag in _WITHOUT_PREFIX else f"Fn::{tag}": value}

    Loader.add_multi_constructor("!", construct)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def functions(template: Mapping[str, Any], directory: Path) -> list[Function]:
    """The template's functions, with the template's Globals applied.

    What an intrinsic function would compute is not known here: such a `FunctionName` gives way
    to the resource's logical id, any other such value to its default.

    Args:
        template: the parsed template.
        directory: where it lies; `CodeUri` is relative to it.
    """
    resources = template["Resources"]
    if not isinstance(resources, Mapping):
        raise DeclarationError("Resources must be an object")
    common = _mapping(_mapping(template.get("Globals")).get("Function"))
    return [
        _function(name, {**common, **_mapping(resource.get("Properties"))}, common, directory)
        for name, resource in resources.items()
        if isinstance(resource, Mapping) and resource.get("Type") == _FUNCTION
    ]


def _function(
    logical_id: str, properties: Mapping[str, Any], common: Mapping[str, Any], directory: Path
) -> Function:
    known = {key: value for key, value in properties.items() if not _is_computed(value)}
    for member in ("DurableConfig", "TenancyConfig"):
        if member in known:
            literal = _mapping(known[member]).items()
            known[member] = {key: value for key, value in literal if not _is_computed(value)}
    handler, code = known.pop("Handler", None), known.get("CodeUri", ".")
    function = Function.read(logical_id, known)
    if not isinstance(code, str) or not _is_python(handler, known):
        return function
    root = directory / code
    module, _, name = handler.rpartition(".")
    return replace(
        function,
        handler=f"{root / module.replace('.', '/')}.py:{name}",
        code=root,
        environment={**_variables(common), **_variables(properties)},
    )


def _is_python(handler: Any, properties: Mapping[str, Any]) -> TypeGuard[str]:
    """Whether a handler is a Python function in Lambda's notation, `module.function`."""
    runtime = str(properties.get("Runtime", "python"))
    return isinstance(handler, str) and "." in handler and runtime.startswith("python")


def _variables(properties: Mapping[str, Any]) -> dict[str, str]:
    variables = _mapping(_mapping(properties.get("Environment")).get("Variables"))
    return {key: str(value) for key, value in variables.items() if not _is_computed(value)}


def _is_computed(value: Any) -> bool:
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    (key,) = value
    return key in _WITHOUT_PREFIX or str(key).startswith("Fn::")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
