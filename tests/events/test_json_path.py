"""Paths into parsed JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from omnivery.events.json_path import take_at, value_at

DATA = '{"a":1,"b":{"c":{"d":2},"e":null},"f.g":3,"h":{"i.j":{"k":4}},"l":[5,{"m":6}],"n":"x"}'


@pytest.mark.parametrize(
    ("path", "found", "left"),
    [
        ("a", 1, DATA.replace('"a":1,', "")),
        ("b.c.d", 2, DATA.replace('"c":{"d":2},', "")),
        ("b.c", {"d": 2}, DATA.replace('"c":{"d":2},', "")),
        ("f.g", 3, DATA.replace('"f.g":3,', "")),
        ("h.i.j.k", 4, DATA.replace('"h":{"i.j":{"k":4}},', "")),
        ("l.0", 5, DATA),
        ("l.1.m", 6, DATA.replace('{"m":6}', "{}")),
        ("b.e", None, DATA.replace(',"e":null', "")),
        ("none", None, DATA),
        ("b.none", None, DATA),
        ("l.2", None, DATA),
        ("l.x", None, DATA),
        ("l.99999999999999999999", None, DATA),
        ("n.o", None, DATA),
        ("a.b.c", None, DATA),
        (".", None, DATA),
    ],
)
def test_a_value_is_found_and_can_be_taken_out(path: str, found: Any, left: str) -> None:
    """Names with dots of their own are found, too; an object that held nothing else goes with its value."""
    data = json.loads(DATA)
    assert value_at(data, path) == found
    assert data == json.loads(DATA)
    assert take_at(data, path) == found
    if not path.startswith("l.1"):
        assert data == json.loads(left)


@pytest.mark.parametrize("value", [None, 5, "text", [], {}])
def test_nothing_is_found_in_what_is_no_object(value: Any) -> None:
    assert value_at(value, "a.b") is None


def test_a_name_leads_to_its_value_in_a_list_of_pairs() -> None:
    """As headers are written in some logs: in any case, and more than once."""
    headers = [{"name": "Host", "value": "a"}, {"name": "x-a", "value": "1"}, {"name": "X-A", "value": "2"}]
    data = {"headers": [*headers, {"name": "Other", "value": "b", "more": 1}, None]}
    assert value_at(data, "headers.host") == "a"
    assert value_at(data, "headers.X-a") == ["1", "2"]
    assert value_at(data, "headers.Other") is None
