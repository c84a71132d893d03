"""Objects cut out of JSON in any form, wherever a piece of it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._json_documents import json_objects
from omnivery.readers._lines import MAX_LINE

OBJECT = b'{"ip":"192.0.2.1","a":{"b":["}",1,"\\"{"]}}'
ARRAY_CUT = "cut off: the JSON array does not end"
OBJECT_CUT = "cut off: the JSON object that begins here does not end"


def found(text: bytes, size: int = 65_536) -> list[EventLine | UnreadableLine]:
    return list(json_objects(text[at : at + size] for at in range(0, len(text), size)))


def lines(text: bytes) -> list[tuple[int, Any]]:
    """What was found, the same for pieces of any size."""
    whole = found(text)
    for size in (1, 2, 3, 7):
        assert found(text, size) == whole
    return [(one.line, json.loads(one.data) if isinstance(one, EventLine) else one.reason) for one in whole]


ONE = json.loads(OBJECT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b" \n\t", []),
        (b"[]", []),
        (b"[[],[]]", []),
        (OBJECT, [(1, ONE)]),
        (b"\xef\xbb\xbf" + OBJECT, [(1, ONE)]),
        (OBJECT * 3, [(1, ONE)] * 3),
        (OBJECT + b"\n\n" + OBJECT, [(1, ONE), (3, ONE)]),
        (b"[" + OBJECT + b"," + OBJECT + b"]", [(1, ONE)] * 2),
        (b"[\n  " + OBJECT + b",\r\n  " + OBJECT + b"\n]\n", [(2, ONE), (3, ONE)]),
        (b"[[" + OBJECT + b"],[" + OBJECT + b"]]", [(1, ONE)] * 2),
        (b'\x1e{"a":1}\n\x1e{"b":2}\n', [(1, {"a": 1}), (2, {"b": 2})]),
        (b'{\n "a": 1,\r\n "b": [\n]\n}\n{"c":2}', [(1, {"a": 1, "b": []}), (6, {"c": 2})]),
        (b"hello\n" + OBJECT, [(1, "not a JSON object"), (2, ONE)]),
        (b"true", [(1, "not a JSON object")]),
        (b'[1,2,"x"]', [(1, "not a JSON object")]),
        (b'[{"a":1},5,{"b":1}]', [(1, {"a": 1}), (1, "not a JSON object"), (1, {"b": 1})]),
        (b"}" + OBJECT, [(1, "not a JSON object"), (1, ONE)]),
        (b"[" + OBJECT, [(1, ONE), (1, ARRAY_CUT)]),
        (b"[\n" + OBJECT[:-3], [(2, OBJECT_CUT)]),
        (OBJECT + b'\n{"a":"', [(1, ONE), (2, OBJECT_CUT)]),
    ],
)
def test_objects_come_out_with_the_line_on_which_they_begin(text: bytes, expected: list[tuple[int, Any]]) -> None:
    assert lines(text) == expected


def test_an_object_is_one_line_of_its_own() -> None:
    """It is spliced into a batch and kept in journals as a line."""
    (event,) = found(json.dumps(ONE, indent=2).replace("\n", "\r\n").encode())
    assert isinstance(event, EventLine)
    assert not {b"\n", b"\r"}.intersection(event.data[at : at + 1] for at in range(len(event.data)))


@pytest.mark.parametrize(
    "long", [b'{"a":"' + b"x" * (2 * MAX_LINE) + b'","b":[{}]}', b'{"a":[' + b"[]," * MAX_LINE + b"[]]}"]
)
def test_an_object_that_is_too_long_is_not_held_in_memory(long: bytes) -> None:
    before, *_, after = found(b"[" + OBJECT + b"," + long + b",\n" + OBJECT + b"]")
    assert before == EventLine(data=OBJECT, line=1)
    assert after == EventLine(data=OBJECT, line=2)
    assert UnreadableLine(line=1, reason="longer than 1,000,000 bytes") in found(b"[" + OBJECT + b"," + long + b"]")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab{}[]",\\\n ', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a{"]', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5),
    st.sampled_from([None, 0, 2]),
    st.integers(1, 40),
    st.booleans(),
)
def test_whatever_a_writer_of_json_writes_comes_out(
    objects: list[dict[str, Any]], indent: int | None, size: int, listed: bool
) -> None:
    text = json.dumps(objects, indent=indent) if listed else " ".join(json.dumps(one, indent=indent) for one in objects)
    assert [json.loads(one.data) for one in found(text.encode(), size) if isinstance(one, EventLine)] == objects
    assert len(found(text.encode(), size)) == len(objects)


@settings(deadline=None)
@given(st.binary(max_size=120) | st.text(alphabet='{}[]",: \n\\x1', max_size=60).map(str.encode), st.integers(1, 9))
def test_no_bytes_are_a_crash_and_pieces_of_any_size_say_the_same(text: bytes, size: int) -> None:
    assert found(text, size) == found(text)
    assert (
        bool(found(text)) == bool(text.replace(b"\xef\xbb\xbf", b"").translate(None, b" \t\n\r\v\f\0,\x1e[]"))
        or b"[" in text
    )
