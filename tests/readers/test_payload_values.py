"""Values of payloads that are missing, or of another type than documented, are none."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.readers._payload_values import first, is_single, listed, mapping, text, texts, when


@pytest.mark.parametrize(
    ("value", "found"), [("a", "a"), (7, "7"), (1.5, "1.5"), (True, None), (None, None), (["a"], None), ({}, None)]
)
def test_a_number_is_a_text_and_nothing_else_is(value: Any, found: str | None) -> None:
    assert text(value) == found


def test_one_recipient_is_a_list_of_one() -> None:
    assert texts("ann@example.com") == texts(["ann@example.com", None, ""]) == ("ann@example.com",)
    assert texts(None) == ()


def test_the_first_name_that_is_there_counts() -> None:
    assert first({"b": {"c": 0}}, "a", "b.c", "b") == 0
    assert first([], "a") is None


def test_what_is_of_another_type_is_empty() -> None:
    assert (mapping("a"), mapping({"a": 1}), listed("a"), listed(["a"])) == ({}, {"a": 1}, ("a",), ["a"])
    assert [is_single(one) for one in ("a", [], ["a"], ["a", "b"])] == [False, False, True, False]


def test_a_time_is_kept_as_it_was_written() -> None:
    """Of its text an id is made, for which seconds would be too few."""
    assert when("2026-05-17T10:05:03.25Z") == {"moment": "2026-05-17T10:05:03.25Z", "ts": 1779012303}
    assert when([]) == {"moment": None, "ts": None}
