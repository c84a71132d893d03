"""Asking before something is deleted."""

from __future__ import annotations

import sys
from unittest import mock

import click
import pytest

from omnivery.cli.confirmation import confirm


def test_who_said_yes_is_not_asked() -> None:
    confirm("Delete it?", yes=True)


def test_where_nobody_can_be_asked_nothing_is_done() -> None:
    with mock.patch.object(sys, "stdin", None), pytest.raises(click.UsageError, match="--yes"):
        confirm("Delete it?", yes=False)


@pytest.mark.parametrize("agrees", [True, False])
def test_the_person_decides(agrees: bool, capsys: pytest.CaptureFixture[str]) -> None:
    at_a_terminal = mock.patch.object(sys, "stdin", mock.Mock(isatty=lambda: True))
    with at_a_terminal, mock.patch.object(click, "confirm", return_value=agrees):
        if agrees:
            confirm("Delete it?", yes=False)
        else:
            with pytest.raises(SystemExit, match="1"):
                confirm("Delete it?", yes=False)
            assert "Nothing was changed." in capsys.readouterr().err
