"""Versions, extras and the lane that runs."""

from __future__ import annotations

import pytest

from omnivery import codec
from omnivery._version import __version__
from omnivery.cli.checkup import versions
from omnivery.cli.checkup.finding import Finding, Level
from omnivery.cli.checkup.versions import check_versions


def test_versions_of_the_package_and_its_parts_are_named() -> None:
    parts = check_versions()[0]
    assert parts.details["omnivery"] == __version__
    assert all(parts.details[name] for name in ("python", "httpx", "attrs", "cattrs", "anyio"))


def lane() -> Finding:
    return check_versions()[1]


def test_the_fast_lane_is_recommended_where_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "orjson", None)
    monkeypatch.setattr(versions, "bulk_adapter", lambda: "httpx")
    found = lane()
    assert (found.level, found.details) == (Level.NOTE, {"json": "json", "calls": "httpx", "bulk": "httpx"})
    assert "JSON by the standard library" in found.message
    assert "omnivery[fast]" in str(found.next)


def test_extras_are_whole_or_say_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["attrs", 'httpx; extra == "one"', 'no-such-package>=1 ; extra == "two"', 'attrs ; extra == "two"']
    monkeypatch.setattr(versions, "requires", lambda _: lines)
    found = check_versions()[-1]
    assert found.message == "Extras installed: one. Not installed: two (lacks no-such-package)."
    assert found.details == {"extras": ["one"], "missing": {"two": ["no-such-package"]}}


def test_a_package_without_metadata_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "requires", lambda _: None)
    assert check_versions()[-1].level is Level.WARNING
