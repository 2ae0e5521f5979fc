"""What messages and marks call an annotation."""

from __future__ import annotations

import types
import typing
from typing import Any


def is_hashable(annotation: object) -> bool:
    """Whether an annotation can be looked up."""
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def type_name(annotation: Any) -> str:
    """The annotation as a program writes it, without modules."""
    args = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return " | ".join(map(type_name, args))
    if annotation is type(None):
        return "None"
    if origin is None or origin is typing.Annotated:
        return getattr(annotation, "__qualname__", "").rpartition(".")[2] or str(annotation)
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, args))}]"
    inner = ", ".join("..." if arg is Ellipsis else type_name(arg) for arg in args) or "()"
    return f"{getattr(origin, '__name__', origin)}[{inner}]"
