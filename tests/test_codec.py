"""JSON in and out: strict where a guess would hurt, tolerant where the API varies, the same with and without orjson."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Literal, NamedTuple
from uuid import UUID

import pytest
from attrs import field, frozen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omnivery import _json, codec
from omnivery.errors import DecodeError

# The engine is switched once for all examples of a test.
law = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class State(enum.Enum):
    ACTIVE = "active"
    DISABLED = "disabled"


@frozen(kw_only=True)
class Item:
    name: str
    code: str | None = None
    created_at: datetime | None = None
    state: State | str | None = None
    extra: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class Listing:
    items: list[Item]
    active: bool | None = None
    size: int | None = None
    share: float | None = None
    reply_to: str | None = field(default=None, metadata={codec.WIRE_NAME: "reply-to"})
    sent_at: datetime | None = field(default=None, metadata={codec.WIRE_NAME: "sent-at"})
    extra: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class Blob:
    data: bytes


@pytest.fixture(params=["orjson", "stdlib"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two JSON libraries in turn."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr(codec, "orjson", None)
    return str(request.param)


# From parsed JSON to models


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"items": [{"name": None}]}, "$.items[0].name", "expected text, got null"),
        ({"items": [{"name": ["a"]}]}, "$.items[0].name", "expected text, got a list"),
        ({"items": [{"name": 5}]}, "$.items[0].name", "expected text, got a number"),
        ({"items": [{"name": {}}]}, "$.items[0].name", "expected text, got an object"),
        (
            {"items": [{"name": "a"}] * 3 + [{"name": "a", "code": 550}]},
            "$.items[3].code",
            "expected text, got a number",
        ),
        ({"items": [], "active": "false"}, "$.active", "expected true or false, got text"),
        ({"items": [], "active": 0}, "$.active", "expected true or false, got a number"),
        ({"items": [], "size": True}, "$.size", "expected a whole number, got true or false"),
        ({"items": [], "size": "5"}, "$.size", "expected a whole number, got text"),
        ({"items": [], "size": 5.0}, "$.size", "expected a whole number, got a number"),
        ({"items": [], "share": True}, "$.share", "expected a number, got true or false"),
        ({"items": [], "share": "0.5"}, "$.share", "expected a number, got text"),
        ({"items": [{"name": "a", "state": 1}]}, "$.items[0].state", "expected text, got a number"),
        ({"items": ["a"]}, "$.items[0]", "expected an object, got text"),
        ({"items": [], "reply-to": 1}, "$.reply_to", "expected text, got a number"),
        ([], "$", "expected an object, got a list"),
        (None, "$", "expected an object, got null"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(value: object, path: str, reason: str) -> None:
    """`str(None)` is 'None' and `bool("false")` is true: a guess here becomes wrong data far from its cause."""
    with pytest.raises(DecodeError) as caught:
        codec.structure(value, Listing, operation="a.b.c")
    assert (caught.value.path, caught.value.args[0], caught.value.operation) == (path, reason, "a.b.c")


def test_what_is_wrong_is_said_without_what_is_in_it() -> None:
    """Responses hold e-mail addresses, and errors end in logs."""
    with pytest.raises(DecodeError) as caught:
        codec.structure({"items": [{"name": ["ann@example.com"]}]}, Listing)
    assert "ann" not in str(caught.value) + repr(caught.value)


def test_a_field_without_default_that_is_missing_is_named() -> None:
    with pytest.raises(DecodeError) as caught:
        codec.structure({"items": [{}]}, Listing)
    assert caught.value.path == "$.items[0].name"
    assert caught.value.args[0] == "name is missing"


def test_missing_documented_fields_are_none() -> None:
    listing = codec.structure({"items": [{"name": "a"}]}, Listing)
    assert listing == Listing(items=[Item(name="a", code=None, created_at=None, state=None)])


def test_unknown_fields_are_kept() -> None:
    """A field that the service adds tomorrow must be there for the user, and break nothing."""
    value = {"items": [{"name": "a", "new": {"deep": [1]}, "extra": 5}], "more": None}
    listing = codec.structure(value, Listing)
    assert listing.extra == {"more": None}
    assert listing.items[0].extra == {"new": {"deep": [1]}, "extra": 5}


def test_enums_are_open() -> None:
    """Known values become members, unknown ones stay text: a new state is no error."""
    states = [codec.structure({"name": "a", "state": text}, Item).state for text in ("active", "frozen", None)]
    assert states == [State.ACTIVE, "frozen", None]


def test_a_whole_number_is_a_number() -> None:
    share = codec.structure({"items": [], "share": 1}, Listing).share
    assert (share, type(share)) == (1.0, float)


def test_fields_have_the_names_of_the_wire() -> None:
    listing = codec.structure({"items": [], "reply-to": "a", "sent-at": 0, "reply_to": "b"}, Listing)
    assert (listing.reply_to, listing.sent_at) == ("a", datetime(1970, 1, 1, tzinfo=UTC))
    assert listing.extra == {"reply_to": "b"}


def test_lists_and_mappings_of_models() -> None:
    assert codec.structure([{"name": "a"}], list[Item]) == [Item(name="a")]
    assert codec.structure({"x": {"name": "a"}}, dict[str, Item]) == {"x": Item(name="a")}


def test_an_unreadable_date_is_none_and_its_text_kept() -> None:
    """One odd date must not cost the rest of the response."""
    item = codec.structure({"name": "a", "created_at": "yesterday"}, Item)
    assert (item.created_at, item.extra) == (None, {"created_at": "yesterday"})
    listing = codec.structure({"items": [], "sent-at": {"no": "date"}}, Listing)
    assert (listing.sent_at, listing.extra) == (None, {"sent-at": {"no": "date"}})


def test_a_null_date_is_none_and_nothing_more() -> None:
    item = codec.structure({"name": "a", "created_at": None}, Item)
    assert (item.created_at, item.extra) == (None, {})


def test_bytes_are_refused_both_ways(engine: str) -> None:
    """Nobody could tell base64 from base85 on the other side."""
    with pytest.raises(DecodeError, match="bytes have no JSON form") as caught:
        codec.structure({"data": "aGk="}, Blob)
    assert caught.value.path == "$.data"
    with pytest.raises(TypeError, match="bytes have no JSON form"):
        codec.converter().unstructure(Blob(data=b"hi"))
    for value in (b"hi", bytearray(b"hi"), memoryview(b"hi")):
        with pytest.raises(TypeError):
            codec.dumps({"data": value})


# Dates

NOON = datetime(2021, 7, 21, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Wed, 21 Jul 2021 12:00:30 GMT",
        "Wed, 21 Jul 2021 12:00:30 UTC",
        "Thu, 21 Jul 2021 12:00:30 +0000",  # the documents' own example: it was a Wednesday
        "Wed, 21 Jul 2021 14:00:30 +0200",
        "Wed, 21 Jul 2021 12:00:30 -0000",  # parsedate_to_datetime gives a naive value for this
        "21 Jul 2021 12:00:30 +0000",
        "2021-07-21 12:00:30",  # credentials; without zone, taken for UTC
        "2021-07-21T12:00:30",
        "2021-07-21T12:00:30Z",
        "2021-07-21T14:00:30+02:00",
        "  2021-07-21T12:00:30Z\n",
        1626868830,
        1626868830.0,
        "1626868830",
        "1626868830.0",
        datetime(2021, 7, 21, 12, 0, 30),  # noqa: DTZ001  # without zone on purpose
        datetime(2021, 7, 21, 14, 0, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_form_of_a_time_that_the_apis_use(value: object) -> None:
    found = codec.parse_datetime(value)
    assert found == NOON
    assert found is not None
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, "", " ", "yesterday", "32 Jul 2021 12:00:30 GMT", "2021-13-01", [], {}, b"1626868830",
        math.nan, math.inf, -math.inf, 1e300, 10**400, "nan", "inf", "1e300",
        "1 Jan 99999999999999999999 00:00:00 GMT", "1 Jan 2030 00:00:00 +99999999999999999",
    ],
)  # fmt: skip
def test_rubbish_is_no_time(value: object) -> None:
    """What cannot be read is None, never an error: a date is seldom the reason for the call."""
    assert codec.parse_datetime(value) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@law
@given(json_values)
def test_no_json_value_makes_reading_a_time_raise(value: object) -> None:
    codec.parse_datetime(value)


@law
@given(st.integers(0, 4102444800), st.integers(0, 999_999))
def test_unix_seconds_read_the_same_as_number_and_as_text(seconds: int, micros: int) -> None:
    """Digits could pass for an ISO date without dashes."""
    moment = datetime.fromtimestamp(seconds, UTC)
    assert codec.parse_datetime(seconds) == moment
    if seconds > 99_999_999:
        assert codec.parse_datetime(str(seconds)) == moment
        fine = codec.parse_datetime(f"{seconds}.{micros:06}")
        assert fine is not None
        assert abs(fine - moment - timedelta(microseconds=micros)) <= timedelta(microseconds=1)


# JSON out


class Tint(enum.IntEnum):
    RED = 1


class Odd(enum.Enum):
    NAN = math.nan
    RAW = b"raw"


@dataclasses.dataclass
class Data:
    a: int = 1


class Pair(NamedTuple):
    a: int
    b: int


class Number(float):
    """As numpy's float64, which is a float as well."""


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": [1, "ü", None, True]}, {"a": [1, "ü", None, True]}),
        ((1, (2,)), [1, [2]]),
        ([math.nan, math.inf, -math.inf], [None, None, None]),
        ({"a": {"b": (math.nan, 1.5)}}, {"a": {"b": [None, 1.5]}}),
        (datetime(2021, 7, 21, 12, 0, 30, 5, tzinfo=UTC), "2021-07-21T12:00:30.000005+00:00"),
        (datetime(2021, 7, 21, 12), "2021-07-21T12:00:00"),  # noqa: DTZ001  # without zone on purpose
        (date(2021, 7, 21), "2021-07-21"),
        (time(12, 30), "12:30:00"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (State.ACTIVE, "active"),
        ([Tint.RED], [1]),
        (Odd.NAN, None),
        ({"a": Name("b")}, {"a": "b"}),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
    ],
)
def test_what_has_a_json_form_is_written(engine: str, value: object, written: object) -> None:
    """The standard library reads it back: an independent judge, which refuses nothing but says what is there."""
    data = codec.dumps(value)
    assert b"NaN" not in data
    assert json.loads(data) == written


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"raw", {"a": bytearray(b"raw")}, Odd.RAW, 1j, Data(), {b"a": 1}],
)
def test_what_has_no_json_form_is_a_type_error(engine: str, value: object) -> None:
    """The same values with either engine: an extra may change the speed, and nothing else."""
    with pytest.raises(TypeError):
        codec.dumps(value)


@pytest.mark.parametrize("value", [Pair(1, 2), Number(1.5), {Name("a"): 1}, {State.ACTIVE: 1}, 2**70, {None: 1}])
def test_both_engines_write_the_same_or_both_refuse(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    pytest.importorskip("orjson")
    fast = _outcome(codec.dumps, value)
    monkeypatch.setattr(codec, "orjson", None)
    assert _outcome(codec.dumps, value) == fast


def test_refusing_bytes_says_what_to_do(engine: str) -> None:
    with pytest.raises(TypeError, match="decode them to text, or encode them as base64 yourself"):
        codec.dumps({"data": b"raw"})


@pytest.mark.parametrize("value", ["\ud800", {"a": ["\udfff"]}, {"\ud800": 1}])
def test_a_lone_surrogate_is_a_value_error(engine: str, value: object) -> None:
    """Such text is not Unicode, and has no UTF-8."""
    with pytest.raises(ValueError, match=r"(?i)utf-8"):
        codec.dumps(value)


def test_what_contains_itself_is_a_value_error(engine: str) -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match=r"(?i)circular|recursion|itself|deep"):
        codec.dumps(loop)


def nested(depth: int, innermost: object = None) -> object:
    """Arrays and objects in one another, so many in all."""
    value = innermost
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return value


def dropped(value: Any) -> None:
    """Free a nested value. To free it at once would recurse as deep."""
    while isinstance(value, dict | list):
        value = value.popitem()[1] if isinstance(value, dict) else value.pop()


@pytest.mark.parametrize("depth", [253, 254, 255, 480, 990, 1000, 1023, 1024])
@pytest.mark.parametrize("innermost", ['ü\\"{[', math.nan, datetime(2021, 7, 21, tzinfo=UTC)])
def test_deep_nesting_is_written_and_read_alike_by_all(engine: str, depth: int, innermost: object) -> None:
    """The recursion limits of json differ between versions of Python, and the caller's stack counts, too."""
    written = {math.nan: None, datetime(2021, 7, 21, tzinfo=UTC): "2021-07-21T00:00:00+00:00"}
    data = codec.dumps(nested(depth, innermost))
    found = codec.loads(data)
    for _ in range(depth):
        found = found["a"] if isinstance(found, dict) else found[0]
    assert found == written.get(innermost, innermost)


@pytest.mark.parametrize("depth", [1025, 1500, 5000, 100_000])
@pytest.mark.parametrize("innermost", ["text", math.nan, datetime(2021, 7, 21, tzinfo=UTC)])
def test_nesting_beyond_the_limit_is_not_written(engine: str, depth: int, innermost: object) -> None:
    """A RecursionError would pass every `except (TypeError, ValueError)` on its way out."""
    value = nested(depth, innermost)
    try:
        with pytest.raises(ValueError, match="too deeply"):
            codec.dumps(value)
    finally:
        dropped(value)


@pytest.mark.parametrize("depth", [1025, 1500, 5000, 100_000])
@pytest.mark.parametrize("innermost", ["", "1", '"\\ud800"', "NaN", '"'])
def test_nesting_beyond_the_limit_is_not_read(engine: str, depth: int, innermost: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each engine has its own words
        codec.loads("[" * depth + innermost + "]" * depth)


@pytest.mark.parametrize("opened", ["[", '{"a":', '["', '[{"\\"":', "[1 ", "[,", "[NaN,", "[[],"])
@pytest.mark.parametrize("closed", ["", "]", "}", "}]", "]]", '"]'])
@pytest.mark.parametrize("depth", [3, 500, 1000])
def test_what_is_no_json_is_refused_however_deep(engine: str, depth: int, opened: str, closed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each engine has its own words
        codec.loads(opened * depth + closed * (depth - 1))


def test_many_containers_side_by_side_are_not_deep(engine: str) -> None:
    value = [{"text": "[[[{{{", "list": [[], {}]}] * 2000
    assert codec.loads(codec.dumps(value)) == value


def test_what_calls_itself_by_the_hook_is_refused(engine: str) -> None:
    class Endless:
        pass

    with pytest.raises((TypeError, ValueError)):
        codec.dumps(Endless(), default=lambda _: Endless())
    with pytest.raises((TypeError, ValueError)):
        codec.dumps([math.nan, Endless()], default=lambda _: Endless())


def test_the_hook_turns_what_json_does_not_know_into_what_it_does(engine: str) -> None:
    def hook(value: Any) -> Any:
        return {"set": sorted(value)} if isinstance(value, set) else codec.refuse(value)

    assert json.loads(codec.dumps([{2, 1}], default=hook)) == [{"set": [1, 2]}]
    with pytest.raises(TypeError):
        codec.dumps([object()], default=hook)


def test_what_the_hook_finds_wrong_is_not_looked_for_again(engine: str) -> None:
    """One bad event in a batch must not have all events before it encoded twice."""
    asked: list[object] = []

    def hook(value: object) -> Any:
        asked.append(value)
        raise ValueError("not sound")

    with pytest.raises(ValueError, match=r"^not sound$"):
        codec.dumps([object()], default=hook)
    assert len(asked) == 1


def test_nan_inside_what_the_hook_gave_becomes_null_too(engine: str) -> None:
    """A user's attribute may be NaN, and `NaN` on the wire costs the whole batch."""
    assert codec.dumps(object(), default=lambda _: {"score": math.nan}) == b'{"score":null}'


def test_no_blanks_and_plain_utf8(engine: str) -> None:
    assert codec.dumps({"a": [1, "ü"], "b": {}}) == '{"a":[1,"ü"],"b":{}}'.encode()


# JSON in


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "[1,]", "01", "1_0", "nul", "[NaN]", "[Infinity]", "-Infinity", "1e999", '"\t"', "'a'", "{1:2}",
        b"\xff", b'"\xff"', b"\xef\xbb\xbf1", '"\\ud800"', '"\ud800"', "[" * 100_000, "9" * 5000, "1 2",
        "{}".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_a_value_error(engine: str, data: bytes | str) -> None:
    """Nothing but ValueError: the callers rely on it, and the other side decides what comes."""
    with pytest.raises(ValueError):  # noqa: PT011  # each engine has its own words
        codec.loads(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (' {"a":\t[1, -0.5, 1e3, null, true]}\n', {"a": [1, -0.5, 1000.0, None, True]}),
        ('"\\ud83d\\ude00 ü"'.encode(), "😀 ü"),
        ('{"a":1,"a":2}', {"a": 2}),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_json_is_read(engine: str, data: bytes | str, value: object) -> None:
    found = codec.loads(data)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("data", ["18446744073709551616", "-9223372036854775809", "[123456789012345678901234567890]"])
def test_both_engines_read_large_numbers_alike(monkeypatch: pytest.MonkeyPatch, data: str) -> None:
    pytest.importorskip("orjson")
    fast = _outcome(codec.loads, data)
    monkeypatch.setattr(codec, "orjson", None)
    assert repr(_outcome(codec.loads, data)) == repr(fast)


plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@law
@given(plain_json)
@example({"": [0, -0.0, 5e-324, 1.7976931348623157e308, "\u2028\x00\x7f😀"]})
def test_what_is_written_is_read_back_the_same(engine: str, value: object) -> None:
    assert codec.loads(codec.dumps(value)) == value


@law
@given(plain_json)
def test_the_loops_read_and_write_what_recursion_does(value: object) -> None:
    """They stand in where json cannot recurse."""
    text = "".join(_json._write(value, codec.refuse))
    assert json.loads(text) == value
    assert _json._parse_deep(text) == value
    assert _json._parse_deep(json.dumps(value, indent=1)) == value


@law
@given(st.text(alphabet='[]{}":,01e.- \\\\nulNaI', max_size=12))
def test_the_loop_refuses_what_recursion_does(text: str) -> None:
    assert _outcome(_json._parse_deep, text) == _outcome(_json.loads, text)


@law
@given(plain_json)
def test_each_engine_reads_what_the_other_writes(value: object) -> None:
    pytest.importorskip("orjson")
    fast = codec.dumps(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "orjson", None)
        slow = codec.dumps(value)
        assert codec.loads(fast) == value
    assert codec.loads(slow) == value


@law
@given(st.binary(max_size=20) | st.text(alphabet='[]{}":,0123456789eE+-. \\utfnaslr', max_size=12).map(str.encode))
def test_both_engines_take_and_refuse_the_same_bytes(data: bytes) -> None:
    pytest.importorskip("orjson")
    fast = _outcome(codec.loads, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "orjson", None)
        assert _outcome(codec.loads, data) == fast


def _outcome(work: Callable[[Any], Any], value: object) -> object:
    try:
        done = work(value)
    except (TypeError, ValueError) as error:
        return TypeError if isinstance(error, TypeError) else ValueError
    return json.loads(done) if isinstance(done, bytes) else done


@frozen(kw_only=True)
class WithWords:
    """A model with an open vocabulary."""

    state: Literal["on", "off"] | str | None = None


@pytest.mark.parametrize("value", ["on", "asleep", "", None])
def test_an_open_vocabulary_takes_any_text(value: str | None) -> None:
    """Editors know the words, and a new one of the server's breaks nothing."""
    assert codec.structure({"state": value}, WithWords) == WithWords(state=value)


@pytest.mark.parametrize("value", [5, True, ["on"], {}])
def test_an_open_vocabulary_takes_text_alone(value: object) -> None:
    with pytest.raises(DecodeError, match="expected text"):
        codec.structure({"state": value}, WithWords)


@pytest.mark.parametrize("document", [b'\xef\xbb\xbf{"a": 1}', '\ufeff{"a": 1}'])
def test_a_byte_order_mark_is_ignored(document: bytes | str) -> None:
    """Programs in PHP and .NET put it before what they send, and RFC 8259 lets readers ignore it (section 8.1)."""
    assert codec.loads_received(document) == {"a": 1}


@pytest.mark.parametrize("document", [b"\xef\xbb\xbf", "\ufeff" * 100_000, "\ufeff\ufeff1", b"\xef\xbb"])
def test_a_byte_order_mark_makes_no_document(document: bytes | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its text is the JSON library's
        codec.loads_received(document)
