"""Reads and writes JSON, and turns parsed JSON into models.

Reading is tolerant where the API is known to vary (dates, unknown fields, unknown enum values) and strict where a
silent guess would hurt: a text field takes only text, never `str(None)`; a boolean only true or false, never
`bool("false")`. Bytes are refused, because a receiver could not tell base64 from base85.

JSON is read and written by orjson if it is installed (extra `fast`), otherwise by the standard library.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import cache
from types import GenericAlias, ModuleType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from omnivery import _json
from omnivery._fork import delay_fork
from omnivery.errors import DecodeError

orjson: ModuleType | None
try:
    import orjson
except ImportError:  # the extra `fast` is not installed
    orjson = None

if TYPE_CHECKING:
    from attrs import Attribute
    from cattrs import Converter

T = TypeVar("T")

WIRE_NAME = "wire"
"""Key of attrs metadata: the field's name in JSON, if it is not a valid Python name."""
ALIAS = "alias"
"""Key of attrs metadata: another name in JSON, read if the field's own is missing or null."""
READ = "read"
"""Key of attrs metadata: a function that converts the API's value to the field's. If it returns None, the value could
not be read and goes to `extra`."""


def refuse(value: object) -> Any:
    """Refuse a value that has no JSON form; every `default` function ends with it."""
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("bytes have no JSON form: decode them to text, or encode them as base64 yourself")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def loads(data: bytes | str) -> Any:
    """Parse one JSON document. Integers beyond 64 bits become floats, as in most other languages.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested more deeply than 1,024 levels.
    """
    return _json.loads(data) if orjson is None else orjson.loads(data)


def loads_received(data: bytes | str) -> Any:
    """Parse a document that another program sent as a whole: as `loads`, and a byte order mark before it is ignored.

    RFC 8259, section 8.1, lets readers do so.

    Raises:
        ValueError: as `loads`.
    """
    unmarked = data.removeprefix("\ufeff") if isinstance(data, str) else data.removeprefix(BOM_UTF8)
    return _json.loads(unmarked) if orjson is None else orjson.loads(unmarked)


def loads_or_none(data: bytes | str, *, parse: Callable[[bytes | str], Any] = loads) -> Any:
    """Parse one JSON document as `parse` does; return None if it is none."""
    try:
        return parse(data)
    except ValueError:
        return None


def loads_unlimited(data: bytes | str) -> Any:
    """Parse one JSON document that is passed on as it is: JSON limits neither numbers nor nesting (RFC 8259).

    A number that no float can hold becomes an infinity.

    Raises:
        ValueError: it is not JSON, or not UTF-8.
    """
    try:
        return loads(data)
    except ValueError:
        return _json.loads(data, limited=False)


def dumps(value: object, *, default: Callable[[Any], Any] = refuse) -> bytes:
    """Serialise a value as one JSON document in UTF-8, without whitespace.

    Beside JSON's own types it takes dates and times (ISO 8601), UUIDs and enums. NaN and the infinities, which JSON
    does not have, become null.

    Args:
        value: the value to serialise.
        default: converts an object of another type to one of these types, or raises TypeError.

    Raises:
        TypeError: a part of the value has no JSON form, such as bytes.
        ValueError: it contains text that is not Unicode, contains itself, or is nested more deeply than 1,024 levels.
    """
    if orjson is not None:
        try:
            return orjson.dumps(value, default=default, option=orjson.OPT_PASSTHROUGH_DATACLASS)  # type: ignore[no-any-return]
        except TypeError as error:
            # What `default` found is not a question of the engine.
            if isinstance(error.__cause__, ValueError):
                raise error.__cause__ from None
            # orjson refuses some values that the standard library takes. Then the standard library decides, so that
            # an installed extra changes only the speed.
            return _json.dumps(value, default)
    return _json.dumps(value, default)


def parse_datetime(value: object) -> datetime | None:
    """Read a point in time in any of the forms that the APIs use. Return None if the value has none of these forms.

    They are RFC 2822 (weekdays are ignored: the API pages' own examples have wrong ones), ISO 8601,
    `YYYY-MM-DD HH:MM:SS`, and unix seconds as a number or text. For a time without a zone we assume UTC.
    """
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_unix(value)
    if not isinstance(value, str):
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat, lambda text: _from_unix(float(text))):
        try:
            found = read(value.strip())
        except (ValueError, TypeError, OverflowError):
            continue
        if found is not None:
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def as_text(value: object) -> str | None:
    """Read text that the API may also send as a number; for `READ`."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number or isinstance(value, str) else None


def as_whole_number(value: object) -> int | None:
    """Read a whole number that the API may also send as text; for `READ`."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return value if type(value) is int else None


def _from_unix(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def structure(value: object, shape: type[T], *, operation: str | None = None, at: str = "$") -> T:
    """Turn parsed JSON into a model, or a list or mapping of models.

    Unknown fields go to the model's `extra`. A field that is missing or null takes its default. A date that cannot be
    read becomes None, and its text goes to `extra` under the field's name.

    Args:
        value: the parsed JSON.
        shape: the type to convert it to.
        operation: the operation's name, for the error.
        at: where in the response the value stands, for the error.

    Raises:
        DecodeError: the value does not fit the type; `path` says where.
    """
    try:
        return converter().structure(value, shape)
    except Exception as error:  # noqa: BLE001  # cattrs raises groups and bare errors of many types
        from cattrs import transform_error

        first = transform_error(error, path=at, format_exception=_words)[0]
        reason, _, path = first.rpartition(" @ ")
        raise DecodeError(reason, operation=operation, path=path) from None


def _words(error: BaseException, _shape: type | None) -> str:
    # cattrs raises a bare KeyError with the name of a missing field that has no default.
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


@cache
def converter() -> Converter:
    """Return the shared converter: strict primitives, open enums, dates, no bytes, unknown fields kept."""
    with delay_fork():
        import attrs
        from cattrs import Converter  # takes 50 ms, so it waits for the first response

    made = Converter()
    for name, primitive in (("text", str), ("true or false", bool), ("a whole number", int)):
        made.register_structure_hook(primitive, _primitive(name, primitive))
        # cattrs itself would look for the primitive's hook at each value.
        made.register_structure_hook(primitive | None, _primitive(name, primitive, NoneType))
    made.register_structure_hook(float, lambda value, _: float(_primitive("a number", int, float)(value, _)))
    made.register_structure_hook(bytes, _no_bytes)
    made.register_unstructure_hook(bytes, refuse)
    made.register_structure_hook(datetime, lambda value, _: value)
    made.register_structure_hook_func(_is_open_enum, _open_enum)
    made.register_structure_hook_func(_is_open_vocabulary, _open_text)
    made.register_structure_hook_factory(_is_list, lambda shape: _list_hook(shape, made))
    made.register_structure_hook_factory(attrs.has, lambda cls: _model_hook(cls, made))
    return made


def _primitive(name: str, *types: type) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if type(value) not in types:
            raise ValueError(f"expected {name}, got {_kind(value)}")
        return value

    return check


def _kind(value: object) -> str:
    """Return JSON's word for a value's type. Error messages may show the type, but not the value."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object")


def _no_bytes(_value: Any, _shape: Any) -> bytes:
    raise ValueError("bytes have no JSON form: declare the field as text and decode it yourself")


def _is_list(shape: Any) -> bool:
    return get_origin(shape) is list or (get_origin(shape) is tuple and Ellipsis in get_args(shape))


def _list_hook(shape: Any, made: Converter) -> Callable[[Any, Any], Any]:
    from cattrs.cols import list_structure_factory

    build = list_structure_factory(GenericAlias(list, get_args(shape)[:1]), made)  # type: ignore[arg-type]  # is a type

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            # cattrs itself would turn a text into a list of its characters, and an object into one of its keys.
            raise ValueError(f"expected a list, got {_kind(value)}")
        return get_origin(shape)(build(value, shape))

    return hook


def _is_open_enum(shape: Any) -> bool:
    return get_origin(shape) in {Union, UnionType} and _enum_of(shape) is not None and str in get_args(shape)


def _is_open_vocabulary(shape: Any) -> bool:
    """Whether a type is `Literal[…] | str`: known words, which editors complete, or any other text."""
    arms = {*get_args(shape)} - {NoneType}
    literals = {arm for arm in arms if get_origin(arm) is Literal}
    return bool(literals) and arms - literals == {str}


def _open_text(value: Any, shape: Any) -> str | None:
    if value is None and NoneType in get_args(shape):
        return None
    return cast("str", _primitive("text", str)(value, str))


def _enum_of(shape: Any) -> type[Enum] | None:
    found = [arm for arm in get_args(shape) if isinstance(arm, type) and issubclass(arm, Enum)]
    return found[0] if found else None


def _open_enum(value: Any, shape: Any) -> Any:
    if value is None and NoneType in get_args(shape):
        return None
    text = _primitive("text", str)(value, str)
    enum = _enum_of(shape)
    known = {str(member.value) for member in enum} if enum else set[str]()
    return enum(text) if enum and text in known else text


def _reader(field: Attribute[Any]) -> Callable[[Any], Any] | None:
    is_date = datetime in (field.type, *get_args(field.type))
    return field.metadata.get(READ) or (parse_datetime if is_date else None)


def _model_hook(cls: type[Any], made: Converter) -> Callable[[Any, Any], Any]:
    from attrs import NOTHING, fields, resolve_types
    from cattrs.gen import make_dict_structure_fn, override

    own: tuple[Attribute[Any], ...] = fields(resolve_types(cls))
    attributes = {field.metadata.get(WIRE_NAME, field.name): field for field in own if field.name != "extra"}
    readers = {name: reader for name, field in attributes.items() if (reader := _reader(field))}
    aliases = {field.metadata[ALIAS]: name for name, field in attributes.items() if ALIAS in field.metadata}
    optional = {name for name, field in attributes.items() if field.default is not NOTHING}
    overrides = {field.name: override(rename=name) for name, field in attributes.items()}
    # The hook below creates it, so it needs no copy.
    overrides["extra"] = override(struct_hook=lambda value, _: value)
    build = make_dict_structure_fn(cls, made, **overrides)  # type: ignore[arg-type]  # overrides are its only kwargs here

    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, cls):  # the field's READ function has created it
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"expected an object, got {_kind(value)}")
        known = {name: value[name] for name in attributes if name in value}
        extra = {name: item for name, item in value.items() if name not in attributes}
        for alias, name in aliases.items():
            if alias in extra and known.get(name) is None:
                known[name] = extra.pop(alias)
        for name, reader in readers.items():
            raw = known.get(name)
            known[name] = None if raw is None else reader(raw)
            if raw is not None and known[name] is None:
                extra[name] = raw
        if None in known.values():
            known = {name: item for name, item in known.items() if item is not None or name not in optional}
        return build({**known, "extra": extra}, cls)

    return hook
