"""From an annotation to its codec."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import typing_extensions

from aws_durable_execution_sdk_python._core.values.codecs import (
    Codec,
    DeferredCodec,
    RefusedCodec,
    UntypedCodec,
)
from aws_durable_execution_sdk_python._core.values.containers import (
    DictCodec,
    ItemsCodec,
    KeyCodec,
    TupleCodec,
)
from aws_durable_execution_sdk_python._core.values.libraries import (
    MsgspecCodec,
    PydanticCodec,
    is_attrs_class,
    is_msgspec_struct,
    is_pydantic_model,
    library,
)
from aws_durable_execution_sdk_python._core.values.records import (
    FieldCodec,
    NamedTupleCodec,
    ObjectCodec,
    TypedDictCodec,
)
from aws_durable_execution_sdk_python._core.values.scalars import (
    TEXT_TYPES,
    EnumCodec,
    FlagCodec,
    FloatCodec,
    JsonCodec,
    LiteralCodec,
    NoneCodec,
    PathCodec,
    TextCodec,
)
from aws_durable_execution_sdk_python._core.values.type_names import is_hashable, type_name
from aws_durable_execution_sdk_python._core.values.unions import UnionCodec

# What type variables stand for, within a generic class with arguments.
Variables = Mapping[Any, Codec]
_NO_VARIABLES: Variables = types.MappingProxyType({})

_SCALARS: Mapping[object, Codec] = {
    None: NoneCodec(),
    type(None): NoneCodec(),
    str: JsonCodec(str, 7),
    bool: JsonCodec(bool, 0),
    int: JsonCodec(int, 5),
    float: FloatCodec(),
    **{cls: TextCodec(cls) for cls in TEXT_TYPES},
}
_OUTWARD_SCALARS: Mapping[object, Codec] = {**_SCALARS, float: FloatCodec(outward=True)}
_ITEMS: Mapping[object, type] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_DICTS: Mapping[object, type[dict[Any, Any]]] = {
    dict: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}
# Wrappers that say nothing about the value.
_WRAPPERS = {
    typing.Annotated,
    typing.Final,
    typing.ClassVar,
    typing.Required,
    typing.NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
}
_REQUIRED = {
    typing.Required: True,
    typing.NotRequired: False,
    typing_extensions.Required: True,
    typing_extensions.NotRequired: False,
}
_TYPED_DICT = (typing.is_typeddict, typing_extensions.is_typeddict)


class Planner:
    """Makes the codecs of one annotation.

    Parameters:
        names: names of the function that is annotated, which its module does not know.
        outward: whether what is written is for others: without envelopes and marks.

    Attributes:
        used_names: whether the codecs depend on `names`.
    """

    def __init__(self, names: Mapping[str, Any], *, outward: bool = False) -> None:
        self._names = names
        self._outward = outward
        self._scalars = _OUTWARD_SCALARS if outward else _SCALARS
        self._classes: dict[object, Codec | None] = {}
        self.used_names = False

    def codec(self, annotation: Any, variables: Variables = _NO_VARIABLES) -> Codec:
        """The codec of an annotation that has been evaluated.

        Raises:
            Exception: an annotation within it cannot be evaluated.
        """
        if is_hashable(annotation) and annotation in self._scalars:
            return self._scalars[annotation]
        if isinstance(annotation, (typing.TypeVar, typing_extensions.TypeVar)):
            return variables.get(annotation) or self._untyped(annotation)
        if isinstance(annotation, typing.NewType):
            return self.codec(annotation.__supertype__)
        if isinstance(annotation, (str, typing.ForwardRef)):
            raise NameError(f"{annotation!r} is not defined")  # noqa: TRY004 - no type at all
        if isinstance(annotation, typing_extensions.TypeAliasType):
            return self.codec(annotation.__value__, variables)
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is None:
            return self._of_class(annotation, annotation, (), variables)
        if origin in _WRAPPERS:
            return self.codec(args[0], variables)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(annotation, args, variables)
        if origin is typing.Literal or origin is typing_extensions.Literal:
            return LiteralCodec(type_name(annotation), args)
        if isinstance(origin, typing_extensions.TypeAliasType):
            return self.codec(
                origin.__value__, self._bound(origin.__type_params__, args, variables)
            )
        return self._of_class(annotation, origin, args, variables)

    def _untyped(self, annotation: Any) -> Codec:
        return UntypedCodec(type_name(annotation), outward=self._outward)

    def _union(self, annotation: Any, args: tuple[Any, ...], variables: Variables) -> Codec:
        members = [self.codec(arg, variables) for arg in args]
        names = collections.Counter(member.name for member in members)
        if len(members) == 1:
            return members[0]
        if max(names.values()) > 1:
            doubled = ", ".join(name for name, count in names.items() if count > 1)
            return RefusedCodec(
                type_name(annotation), f"several members of the union are {doubled}"
            )
        return UnionCodec(type_name(annotation), members, outward=self._outward)

    def _of_class(
        self, annotation: Any, cls: Any, args: tuple[Any, ...], variables: Variables
    ) -> Codec:
        name = type_name(annotation)
        if cls in _ITEMS:
            return ItemsCodec(name, _ITEMS[cls], self._arguments(args, 1, variables)[0])
        if cls in _DICTS:
            key, item = self._arguments(args, 2, variables)
            is_plain = isinstance(key, UntypedCodec) or key is _SCALARS[str]
            return DictCodec(name, _DICTS[cls], KeyCodec(key, is_plain=is_plain), item)
        if cls is tuple:
            return self._tuple(annotation, name, args, variables)
        if not isinstance(cls, type):
            return self._untyped(annotation)
        if issubclass(cls, enum.Enum):
            return FlagCodec(cls) if issubclass(cls, enum.Flag) else EnumCodec(cls)
        if issubclass(cls, PurePath):
            return PathCodec(cls)
        return self._of_user_class(annotation, cls, args, variables)

    def _arguments(self, args: tuple[Any, ...], count: int, variables: Variables) -> list[Codec]:
        given = args if len(args) == count else (Any,) * count
        return [self.codec(arg, variables) for arg in given]

    def _tuple(
        self, annotation: Any, name: str, args: tuple[Any, ...], variables: Variables
    ) -> Codec:
        if annotation == tuple[()]:
            return TupleCodec(name, ())
        if not args or (len(args) == 2 and args[1] is Ellipsis):
            item = self.codec(args[0] if args else Any, variables)
            return ItemsCodec(name, tuple, item)
        return TupleCodec(name, tuple(self.codec(arg, variables) for arg in args))

    # -- classes of the program ---------------------------------------------------------------

    def _of_user_class(
        self, annotation: Any, cls: Any, args: tuple[Any, ...], variables: Variables
    ) -> Codec:
        name = type_name(annotation)
        if is_pydantic_model(cls):
            return PydanticCodec(name, cls)
        if is_msgspec_struct(cls):
            return MsgspecCodec(name, annotation, cls)
        make = _maker(cls)
        if make is None:
            return self._untyped(annotation)
        parameters = getattr(cls, "__parameters__", ())
        bound = {**self._inherited(cls), **self._bound(parameters, args, variables)}
        key = (cls, tuple(map(id, bound.values())))
        if key in self._classes:
            return self._classes[key] or DeferredCodec(name, 5, lambda: self._made(key))
        self._classes[key] = None
        codec: Codec = make(self, name, cls, bound)
        self._classes[key] = codec
        return codec

    def _made(self, key: object) -> Codec:
        codec = self._classes[key]
        assert codec is not None  # nothing is written or read before all are made
        return codec

    def _bound(
        self, parameters: tuple[Any, ...], args: tuple[Any, ...], variables: Variables
    ) -> dict[Any, Codec]:
        """What the parameters of a generic class are, given those of the class around it."""
        return {
            parameter: self.codec(arg, variables)
            for parameter, arg in zip(parameters, args, strict=False)
        }

    def _inherited(self, cls: type) -> dict[Any, Codec]:
        """What the parameters of generic base classes are: `class Orders(Page[Order])`."""
        bound: dict[Any, Codec] = {}
        for base in typing_extensions.get_original_bases(cls):
            origin = typing.get_origin(base)
            if isinstance(origin, type) and origin is not typing.Generic:
                bound.update(self._inherited(origin))
                parameters = getattr(origin, "__parameters__", ())
                bound.update(self._bound(parameters, typing.get_args(base), bound))
        return bound

    def fields(self, cls: type) -> dict[str, Any]:
        """The annotations of a class's fields, evaluated."""
        try:
            return typing_extensions.get_type_hints(cls, include_extras=True)
        except NameError:
            # Classes within a function name each other, which only the function knows.
            self.used_names = True
            names = {**self._names, cls.__name__: cls}
            return typing_extensions.get_type_hints(cls, localns=names, include_extras=True)


_Make = Callable[[Planner, str, Any, Variables], Codec]


def _is_required(cls: Any, key: str, hint: Any) -> bool:
    # The class itself does not see what strings say, as with `from __future__ import annotations`.
    while (origin := typing.get_origin(hint)) in _WRAPPERS:
        if origin in _REQUIRED:
            return _REQUIRED[origin]
        hint = typing.get_args(hint)[0]
    return key in cls.__required_keys__


def has_fields(cls: type) -> bool:
    """Whether instances of the class have fields that their annotations say all about."""
    return is_pydantic_model(cls) or is_msgspec_struct(cls) or _maker(cls) is not None


def _maker(cls: type) -> _Make | None:
    if any(is_typed_dict(cls) for is_typed_dict in _TYPED_DICT):
        return _typed_dict
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _named_tuple
    if dataclasses.is_dataclass(cls):
        return _dataclass
    return _attrs if is_attrs_class(cls) else None


def _dataclass(planner: Planner, name: str, cls: Any, variables: Variables) -> Codec:
    hints = planner.fields(cls)
    fields = []
    for field in dataclasses.fields(cls):
        has_default = not (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        codec = planner.codec(hints.get(field.name, Any), variables)
        argument = field.name if field.init else None
        required = field.init and not has_default
        fields.append(FieldCodec(field.name, codec, required, argument))
    return _object(name, cls, fields)


def _attrs(planner: Planner, name: str, cls: Any, variables: Variables) -> Codec:
    attr: Any = library("attr")
    hints = planner.fields(cls)
    fields = []
    for field in attr.fields(cls):
        hint = hints.get(field.name, field.type or Any)
        codec = planner.codec(hint, variables)
        argument = (getattr(field, "alias", None) or field.name) if field.init else None
        required = field.init and field.default is attr.NOTHING
        fields.append(FieldCodec(field.name, codec, required, argument))
    return _object(name, cls, fields)


def _object(name: str, cls: Any, fields: list[FieldCodec]) -> Codec:
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    taken = {field.argument for field in fields}
    keywords = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    more = {p.name for p in parameters if p.name in keywords - taken and p.default is p.empty}
    less = taken - {None} - keywords
    if more or (less and not any(p.kind is p.VAR_KEYWORD for p in parameters)):
        unknown = ", ".join(sorted(map(str, more or less)))
        return RefusedCodec(
            name, f"{name} cannot be made of its fields alone ({unknown}): give a serdes"
        )
    return ObjectCodec(name, cls, fields)


def _named_tuple(planner: Planner, name: str, cls: Any, variables: Variables) -> Codec:
    hints = planner.fields(cls)
    fields = [
        FieldCodec(
            field,
            planner.codec(hints.get(field, Any), variables),
            field not in cls._field_defaults,
            field,
        )
        for field in cls._fields
    ]
    return NamedTupleCodec(name, cls, fields)


def _typed_dict(planner: Planner, name: str, cls: Any, variables: Variables) -> Codec:
    fields = [
        FieldCodec(key, planner.codec(hint, variables), _is_required(cls, key, hint), None)
        for key, hint in planner.fields(cls).items()
    ]
    return TypedDictCodec(name, cls, fields, planner.codec(Any))


@functools.lru_cache(maxsize=256)
def cached_codec(annotation: Any, *, outward: bool) -> Codec | None:
    """The codec of an annotation that depends on nothing else; None if it does."""
    planner = Planner({}, outward=outward)
    try:
        codec = planner.codec(annotation)
    except NameError:
        return None
    return None if planner.used_names else codec


def codec_of(annotation: Any, names: Mapping[str, Any], *, outward: bool = False) -> Codec:
    """The codec of an annotation that has been evaluated.

    Parameters:
        names, outward: as for `Planner`.

    Raises:
        Exception: an annotation within it cannot be evaluated.
    """
    codec = cached_codec(annotation, outward=outward) if is_hashable(annotation) else None
    return codec or Planner(names, outward=outward).codec(annotation)
