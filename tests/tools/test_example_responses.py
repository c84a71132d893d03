"""The example responses of the testing kit are those of the golden files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import example_responses


def test_they_are_up_to_date() -> None:
    """`python -m tools.example_responses` writes them."""
    assert example_responses.main(["--check"]) == 0


def test_a_stale_file_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check that cannot fail checks nothing."""
    monkeypatch.setattr(example_responses, "WRITTEN", tmp_path / "examples.json")
    assert example_responses.main(["--check"]) == 1
    assert example_responses.main([]) == 0
    assert example_responses.main(["--check"]) == 0
    example_responses.WRITTEN.write_text("{}", "utf-8")
    assert example_responses.main(["--check"]) == 1
    assert "python -m tools.example_responses" in capsys.readouterr().err
