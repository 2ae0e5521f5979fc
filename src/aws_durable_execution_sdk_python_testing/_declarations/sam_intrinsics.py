"""What CloudFormation's intrinsic functions come to in a template that is not deployed.

Parameters have their defaults, and resources their logical ids, as for SAM's own local commands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

# CloudFormation's own name of a short tag is `Fn::` and the tag, except for these.
WITHOUT_PREFIX = frozenset({"Ref", "Condition"})
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class UnknownValueError(Exception):
    """What only a deployment has: a bucket's domain name, what another stack exports, ..."""


class Intrinsics:
    """Resolves the values of one template.

    Parameters:
        template: the parsed template.
        pseudo: the pseudo parameters that are known, `AWS::Region` for instance.
        attributes: those of resources that are known, by `Resource.Attribute`.
        references: what `Ref` gives for resources that have another name than their logical id.

    Example:
        >>> template = {"Parameters": {"Stage": {"Default": "dev"}}}
        >>> Intrinsics(template).resolve({"Fn::Sub": "table-${Stage}"})
        'table-dev'
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        pseudo: Mapping[str, str] | None = None,
        attributes: Callable[[str], str | None] = lambda path: None,
        references: Callable[[str], str | None] = lambda logical_id: None,
    ) -> None:
        self._parameters = mapping(template.get("Parameters"))
        self._conditions = mapping(template.get("Conditions"))
        self._mappings = mapping(template.get("Mappings"))
        self._resources = mapping(template.get("Resources"))
        self._pseudo = pseudo or {}
        self._attributes = attributes
        self._references = references
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": self._and,
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": self._not,
            "Fn::Or": self._or,
            "Fn::Select": self._select,
            "Fn::Sub": self._sub,
        }

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function in it computed.

        Members of objects that cannot be computed are left out.

        Raises:
            UnknownValueError: the value itself, or an item of a list, cannot be computed.
        """
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if not is_computed(value):
            return {key: item for key, item in self._members(value) if item is not _UNKNOWN}
        ((name, argument),) = value.items()
        compute = self._functions.get(name)
        try:
            return compute(argument) if compute else _unknown()
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
            _unknown()

    def _members(self, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
        return [(key, self._resolve_or_unknown(item)) for key, item in value.items()]

    def _resolve_or_unknown(self, value: Any) -> Any:
        try:
            return self.resolve(value)
        except UnknownValueError:
            return _UNKNOWN

    def _ref(self, name: str) -> Any:
        if name in self._parameters:
            default = self._parameters[name]["Default"]
            is_number = self._parameters[name].get("Type") == "Number"
            return json.loads(default) if is_number and isinstance(default, str) else default
        if name in self._resources:
            return self._references(name) or name
        return self._pseudo[name]

    def _get_att(self, path: Any) -> str:
        text = path if isinstance(path, str) else ".".join(path)
        return self._attributes(text) or _unknown()

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in variables:
                return as_text(self.resolve(variables[name]))
            return as_text(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(value, text)

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return str(separator).join(map(as_text, self.resolve(items)))

    def _select(self, argument: Any) -> Any:
        index, items = argument
        return self.resolve(items)[int(self.resolve(index))]

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = map(as_text, self.resolve(argument[:3]))
        return self.resolve(self._mappings[name][first][second])

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self._condition(condition) else otherwise)

    def _condition(self, name: str) -> bool:
        return bool(self.resolve(self._conditions[name]))

    def _equals(self, argument: Any) -> bool:
        one, other = map(as_text, self.resolve(argument))
        return one == other

    def _not(self, argument: Any) -> bool:
        return not self.resolve(argument[0])

    def _and(self, argument: Any) -> bool:
        return all(self.resolve(argument))

    def _or(self, argument: Any) -> bool:
        return any(self.resolve(argument))


_UNKNOWN: Any = object()


def _unknown() -> NoReturn:
    raise UnknownValueError


def is_computed(value: Any) -> bool:
    """Whether a value is a call of an intrinsic function, in its long form."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    (key,) = value
    return key in WITHOUT_PREFIX or str(key).startswith("Fn::")


def as_text(value: Any) -> str:
    """A scalar as CloudFormation writes it: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or nothing if it is no object."""
    return value if isinstance(value, Mapping) else {}
