"""Files of webhook calls: whatever form they have, each body keeps its bytes."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.cli.saved_call import SavedCall, read_calls
from omnivery.errors import ConfigError

WHEN = datetime(2026, 5, 17, 10, 5, 3, tzinfo=UTC)


def read(tmp_path: Path, content: bytes | str) -> list[SavedCall]:
    path = tmp_path / "calls"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_calls(str(path))


@settings(max_examples=40)
@given(st.lists(st.binary()))
def test_what_is_saved_is_read_again(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    saved = [SavedCall(body=body, headers={"x-id": "1"}, received_at=WHEN, status=200) for body in bodies]
    lines = b"".join(call.to_line() + b"\n" for call in saved)
    found = read(tmp_path_factory.getbasetemp(), lines)
    if bodies:
        assert [(call.body, dict(call.headers), call.received_at) for call in found] == [
            (body, {"x-id": "1"}, WHEN) for body in bodies
        ]


@pytest.mark.parametrize(
    ("content", "bodies"),
    [
        ('{"event-data": {},\n "signature": {}}\n', ['{"event-data": {},\n "signature": {}}\n']),
        ('[{"a": 1}, {"b": 2}]', ['{"a":1}', '{"b":2}']),
        ('{"a": 1}\n\n{"b": 2}\n', ['{"a": 1}', '{"b": 2}']),
        ('{"body": {"a": 1}, "headers": {"x": "y"}}', ['{"a":1}']),
        ("timestamp=1&token=t", ["timestamp=1&token=t"]),
        ("<html>\n</html>", ["<html>\n</html>"]),
        ("", [""]),
        ("[1, 2]", ["[1, 2]"]),
    ],
)
def test_every_form_of_a_file_is_read(tmp_path: Path, content: str, bodies: list[str]) -> None:
    assert [call.body.decode() for call in read(tmp_path, content)] == bodies


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}')))
    assert [call.body for call in read_calls("-")] == [b'{"a": 1}']


@pytest.mark.parametrize("line", ['{"body": 5}', '{"body_base64": "no base64"}', '{"body_base64": null}'])
def test_a_damaged_body_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="a saved call has"):
        read(tmp_path, line)


def test_header_fields_of_the_connection_are_not_sent_on() -> None:
    headers = {"Host": "a", "Content-Length": "5", "Connection": "close, X-Hop", "x-hop": "1", "X-Id": "2"}
    call = SavedCall(body=b"", headers=headers)
    assert call.forwarded_headers() == (("content-type", "application/json"), ("x-id", "2"))
    assert SavedCall(body=b"", headers={"Content-Type": "text/x"}).forwarded_headers() == (("content-type", "text/x"),)


def test_no_body_is_in_its_repr() -> None:
    assert "secret" not in repr(SavedCall(body=b"secret", headers={"authorization": "secret"}))


def test_a_line_can_be_read_by_others() -> None:
    fields = json.loads(SavedCall(body=b'{"a": 1}', headers={"x": "y"}, received_at=WHEN, status=406).to_line())
    assert fields == {
        "received_at": "2026-05-17T10:05:03+00:00",
        "status": 406,
        "headers": {"x": "y"},
        "body": '{"a": 1}',
    }
