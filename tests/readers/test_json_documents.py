"""Objects cut out of JSON in any form, wherever a piece of it ends."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._json_documents import TOO_DEEP, TORN, json_objects
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
    "long", [b'{"a":"' + b"x" * (2 * MAX_LINE) + b'","b":[{}]}', b'{"a":[' + b"[]," * (MAX_LINE // 2) + b"[]]}"]
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


# An object that is torn

RECORDS = [
    {"event_id": f"e{n}", "uas": 'Mozilla/5.0 {x} "q" [', "attributes": {"a": [{"b": n}, [1]]}} for n in range(9)
]
LAID_OUT: dict[str, str] = {
    "pretty": json.dumps(RECORDS, indent=2),
    "with tabs": json.dumps(RECORDS, indent="\t"),
    "without indentation": json.dumps(RECORDS, indent=0),
    "objects begin behind the end of others": json.dumps(RECORDS, indent=1).replace("},\n {", "}, {"),
    "one a line": "[" + ",\n".join(map(json.dumps, RECORDS)) + "]",
    "commas in front": "[\n" + "\n,".join(map(json.dumps, RECORDS)) + "\n]",
    "no array": "\n".join(json.dumps(one, indent=2) for one in RECORDS),
    "in an envelope": json.dumps({"n": 9, "Records": RECORDS, "z": [{"a": 1}]}, indent=2),
    "one a line in an envelope": '{"Records":[' + ",\n".join(map(json.dumps, RECORDS)) + "]}",
    "windows": json.dumps(RECORDS, indent=2).replace("\n", "\r\n"),
}


def ids(items: list[EventLine | UnreadableLine]) -> list[str]:
    """What the items are. An object that is no JSON is rejected where it is read, as one that is torn."""
    return [_id(one.data) if isinstance(one, EventLine) else one.reason for one in items]


def _id(data: bytes) -> str:
    return str(json.loads(data)["event_id"]) if is_record(data) else TORN


def is_record(data: bytes) -> bool:
    try:
        return "event_id" in json.loads(data)
    except ValueError:
        return False


@pytest.mark.parametrize("form", LAID_OUT)
@pytest.mark.parametrize("size", [7, 100_000])
@pytest.mark.parametrize("tear", ['"Mozilla/5.0 {x', '"event_id"', '"uas": "Mozilla/5.0 {x} \\"q\\" [",'])
def test_a_torn_object_costs_no_other(form: str, size: int, tear: str) -> None:
    """A disk was full, or a process died, in the midst of one: the next one begins on a line of its own."""
    whole = LAID_OUT[form]
    fifth, sixth = (whole.index(f'"{name}"') for name in ("e4", "e5"))
    start = whole.rindex("{", 0, fifth)
    cut = whole.index(tear, start) + len(tear)
    torn = whole[:cut] + whole[whole.rindex("\n", 0, whole.rindex("{", 0, sixth)) :]
    content = torn.encode()
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    items = list(json_objects(pieces, is_record if "envelope" in form else None))
    assert ids(items) == ["e0", "e1", "e2", "e3", TORN, "e5", "e6", "e7", "e8"]
    assert items[4].line == 1 + whole.count("\n", 0, start)


def test_where_nothing_tells_that_an_object_is_torn_the_end_does() -> None:
    """JSON has objects in lists: what follows may be in this one, until the document ends and it has not."""
    torn = '[\n{"event_id": "e0"},\n{"event_id": "x", "a": [1,\n{"event_id": "e1"},\n{"event_id": "e2"}'
    assert ids(found(torn.encode())) == ["e0", TORN, "e1", "e2", "cut off: the JSON array does not end"]
    again = torn.replace("[1,", "[1") + "\n]"
    assert ids(found(again.encode()))[:2] == ["e0", TORN]


def test_sound_json_is_never_taken_for_torn() -> None:
    """Nested objects may stand at the beginning of a line, and texts may hold what looks like one."""
    one = {"event_id": "e", "a": [{"b": "\n{"}, {"c": {"d": [{}, {}]}}], "z": {"y": {}}}
    for indent in (None, 0, 1, 4):
        content = json.dumps([one] * 3, indent=indent).replace('": {', '":\n{').encode()
        assert ids(found(content)) == ["e"] * 3


def test_a_list_that_is_torn_ends_with_its_object() -> None:
    assert len(found(b'[{"a":[1,{"b":[2},\n{"event_id":"e"}]')) == 2
    assert ids(found(b'[{"a":1\n]\n[{"event_id":"e"}]')) == [TORN, "e"]


@pytest.mark.parametrize("hostile", ["{", '{"a":[', '{"a":\n', "[{\n", '{"a":"', "{\n", "{]", "{[}"])
def test_hostile_json_takes_no_time_and_no_memory(hostile: str) -> None:
    content = (hostile * (70_000 // len(hostile))).encode()
    before = process_time()
    items = found(content)
    assert process_time() - before < 10
    assert all(isinstance(one, UnreadableLine) for one in items) or hostile in {"{]", "{[}"}


def test_what_is_nested_deeper_than_anything_is_told() -> None:
    deep = b'{"a":' * 2_000 + b"1" + b"}" * 2_000
    assert ids(found(b'{"event_id":"e"}\n' + deep + b'\n{"event_id":"f"}')) == ["e", TOO_DEEP, "f"]
