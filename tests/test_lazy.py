"""Names that load at first use."""

from __future__ import annotations

import pytest

from omnivery import testing
from omnivery._lazy import lazy_exports


def test_names_are_found_though_the_loader_gives_out_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such is pytest's, for every package that is installed with a plugin, as this one is."""
    monkeypatch.setattr(testing, "__loader__", object())
    _, names = lazy_exports("omnivery.testing")
    assert names() == dir(testing)
    assert "Recorder" in names()
