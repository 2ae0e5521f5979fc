"""Reads our docstrings for the API reference; `tests/unit/test_docstrings.py` says what they are.

The parser for Google's style knows all but two things: `Example:` is one of its sections only in
the plural, with prompts or fences around code, and `a, b: ...` describes two parameters.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^( *)Example:\n((?:\1    .*\n|\n)+)", re.MULTILINE)
_ITEMS = re.compile(r"^( *)(?:Parameters|Attributes):\n((?:\1    .*\n|\n)+)", re.MULTILINE)
_ITEM = re.compile(r"^( +)([*\w]+(?:, [*\w]+)+): (.*\n(?:\1 +.*\n)*)", re.MULTILINE)


def _example(found: re.Match[str]) -> str:
    indent, code = found[1] + "    ", found[2].rstrip("\n") + "\n"
    if not code.lstrip().startswith((">>>", "```")):
        code = f"{indent}```python\n{code}{indent}```\n"
    return f"{found[1]}Examples:\n{code}"


def _one_each(found: re.Match[str]) -> str:
    return "".join(f"{found[1]}{name}: {found[3]}" for name in found[2].split(", "))


def as_google(text: str) -> str:
    """A docstring of ours as Google's style would have it."""
    text = _ITEMS.sub(lambda found: _ITEM.sub(_one_each, found[0]), text + "\n")
    return _EXAMPLE.sub(_example, text)


class OurDialect(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_google(obj.docstring.value)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        # The field of a configuration that takes durations in every form is a descriptor.
        default = re.match(r"DurationField\((\d*)", str(attr.value))
        if default is not None:
            attr.annotation = griffe.ExprName("DurationLike", parent=attr.parent)
            attr.value = default[1] or None
