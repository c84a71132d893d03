"""Terminals of other encodings: no character ends a command."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import process


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_help_is_readable_in_any_encoding(encoding: str) -> None:
    done = process("bots", "submit", "--help", environment={"PYTHONIOENCODING": encoding, "LANG": "C"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"FILE..." in done.stdout


def test_json_has_the_same_text_in_any_encoding() -> None:
    done = process("bots", "status", "/tmp/gr\u00fc\u00dfe", environment={"PYTHONIOENCODING": "ascii"})
    assert done.stderr.isascii()
    assert json.loads(done.stderr)["error"]["message"] == "journal: there is no file /tmp/gr\u00fc\u00dfe"
