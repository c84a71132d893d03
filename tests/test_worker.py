"""What the processes of pytest-xdist leave out: nothing that would be printed or counted."""

from __future__ import annotations

import pytest

from tests.support.worker import is_shown


@pytest.mark.parametrize("outcome", ["passed", "failed", "skipped"])
@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_each_result_is_sent_and_each_failure_around_it(when: str, outcome: str) -> None:
    shown = when == "call" or outcome != "passed"
    assert is_shown("testreport", {"when": when, "outcome": outcome}) is shown


@pytest.mark.parametrize("name", ["collectreport", "logfinish", "runtest_protocol_complete", "warning_recorded"])
def test_what_the_printing_process_needs_is_sent(name: str) -> None:
    assert is_shown(name, {})
