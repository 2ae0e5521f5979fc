"""Classes of pydantic and msgspec, which read and write themselves.

Both are asked through the module that the program has imported. What they would not read back
as it was, a secret or an excluded field, is refused.
"""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType
from typing import Any

from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit, Tree, unfit
from aws_durable_execution_sdk_python._core.values.records import root_of


def library(name: str) -> ModuleType | None:
    """A library, if the program has imported it."""
    return sys.modules.get(name)


def is_pydantic_model(cls: type) -> bool:
    pydantic = library("pydantic")
    base = getattr(pydantic, "BaseModel", None)
    return base is not None and issubclass(cls, base) and hasattr(cls, "model_validate_json")


def is_msgspec_struct(cls: type) -> bool:
    base = getattr(library("msgspec"), "Struct", None)
    return base is not None and issubclass(cls, base)


def is_attrs_class(cls: type) -> bool:
    return library("attr") is not None and hasattr(cls, "__attrs_attrs__")


class PydanticCodec(Codec):
    """Models of pydantic 2, by their aliases if those read back, else by their names."""

    def __init__(self, name: str, cls: Any) -> None:
        self.name = name
        self.root = root_of(cls)
        self._cls = cls

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls:
            raise unfit(self.name, value)
        refused = Misfit(f"{self.name} would not be read back as it was")
        for by_alias in (True, False):
            try:
                tree = value.model_dump(mode="json", by_alias=by_alias, round_trip=True)
                if self.read(tree) == value:
                    return tree
            except Misfit as misfit:
                refused = misfit
            except Exception as error:
                said = f"{type(error).__qualname__}: {error}"
                raise Misfit(f"{self.name} cannot be written ({said})") from error
        raise refused

    def read(self, tree: Tree) -> Any:
        try:
            # As text, since a strict model takes a date as text only from JSON.
            return self._cls.model_validate_json(json.dumps(tree))
        except Exception as error:
            found = getattr(error, "errors", None)
            if found is None:
                raise Misfit(f"{self.name}: {type(error).__qualname__}: {error}") from error
            first = found(include_url=False, include_context=False, include_input=False)[0]
            path = "".join(map(_place, first["loc"]))
            raise Misfit(first["msg"], path) from None


def _place(part: str | int) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"


_MSGSPEC_PLACE = re.compile(r" - at `\$(.*)`$")


class MsgspecCodec(Codec):
    """Structs of msgspec."""

    def __init__(self, name: str, annotation: Any, cls: Any) -> None:
        self.name = name
        self.root = root_of(cls)
        self._annotation = annotation
        self._cls = cls

    def write(self, value: Any) -> Tree:
        if type(value) is not self._cls:
            raise unfit(self.name, value)
        tree = self._tree(value)
        back = self.read(tree)
        same = back == value if self._cls.__struct_config__.eq else self._tree(back) == tree
        if not same:
            raise Misfit(f"{self.name} would not be read back as it was")
        return tree

    def _tree(self, value: Any) -> Tree:
        msgspec: Any = library("msgspec")
        try:
            return msgspec.to_builtins(value, str_keys=True)
        except Exception as error:
            said = f"{type(error).__qualname__}: {error}"
            raise Misfit(f"{self.name} cannot be written ({said})") from error

    def read(self, tree: Tree) -> Any:
        msgspec: Any = library("msgspec")
        try:
            return msgspec.convert(tree, self._annotation, str_keys=True)
        except Exception as error:
            text = str(error)
            place = _MSGSPEC_PLACE.search(text)
            path = place[1] if place else ""
            raise Misfit(text[: place.start()] if place else text, path) from None
