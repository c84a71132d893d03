"""Lists of records, wherever they stand in an object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnivery.events.event import EventLine
from omnivery.readers._json_documents import json_objects
from omnivery.readers._json_envelope import parsed_object, records_in


def is_record(data: bytes) -> bool:
    return "r" in (parsed_object(data) or {})


def found(text: bytes, size: int) -> list[Any]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        json.loads(one.data) if isinstance(one, EventLine) else one.reason for one in json_objects(pieces, is_record)
    ]


R: dict[str, Any] = {"r": [{"r": "}]"}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [R, R]}, [R, R]),
        ({"a": [{"b": 1}], "c": [R], "d": [R]}, [R]),
        ({"a": {"b": {"c": [R]}}}, [R]),
        ({"a": {"b": {"c": {"d": [R]}}}}, [{"a": {"b": {"c": {"d": [R]}}}}]),
        ({"a": [[R]]}, [{"a": [[R]]}]),
        ({"r": 1, "a": [R]}, [{"r": 1, "a": [R]}]),
        ({"a": [{"b": [R]}]}, [{"a": [{"b": [R]}]}]),
        ({"a": [R, {"b": 1}]}, [R, {"b": 1}]),
        ({"a": [R, [R, [R]], R]}, [R, R, R, R]),
        ([{"a": [R]}, R, {"b": 1}, {"c": [R]}], [R, R, {"b": 1}, R]),
        ({"a": '[{"r"', "b": [R]}, [R]),
        ({"a": [R], "b": ['}"'], "c": {}}, [R]),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_the_first_list_of_records_is_taken_apart(value: Any, expected: list[Any], indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    for size in (1, 3, 1_000):
        assert found(text, size) == expected
        assert found(text + b"\n" + text, size) == expected * 2


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_a_bracket_in_quotes_does_not_end_the_list(size: int) -> None:
    text = json.dumps({"a": [R, 5, 'x"]', R], "b": 1}).encode()
    assert found(text, size) == [R, "not a JSON object", R]


@given(st.text(alphabet='{}[]",: r\\1', max_size=60).map(str.encode), st.integers(1, 9))
def test_no_bytes_are_a_crash_and_pieces_of_any_size_say_the_same(text: bytes, size: int) -> None:
    records_in(text, is_record)
    whole = list(json_objects((text,), is_record))
    assert list(json_objects([text[at : at + size] for at in range(0, len(text), size)], is_record)) == whole
