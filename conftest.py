"""README and docs pages are tests: every Python block runs, in one namespace a page, against the emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

if TYPE_CHECKING:
    from omnivery.emulator import Emulator


@pytest.fixture(scope="module")
def emulator_settings() -> Iterator[Emulator]:
    """What `omnivery emulator` would print, in the environment."""
    from omnivery.emulator import Emulator

    with Emulator(webhook_retry_delays=()) as emulator:
        # Nothing listens on the discard port: the examples are about sending.
        settings = {**emulator.environment, "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts"}
        with mock.patch.dict(os.environ, settings):
            yield emulator


def _prepare(namespace: dict[str, Any]) -> None:
    namespace["print"] = lambda *_: None
    # For the pages' own skip comments: an extra need not be there.
    namespace["lacks"] = lambda package: find_spec(package) is None


def _evaluate_console(example: Example) -> None:
    from tests.support.console import evaluate  # it needs the extras of the command line

    if Path(example.path).name == "cli.md":  # other pages show other commands, too
        evaluate(example)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), CodeBlockParser("console", _evaluate_console), SkipParser()],
    patterns=["README.md", "docs/*.md", "docs/internals/*.md"],
    fixtures=["emulator_settings"],
    setup=_prepare,
).pytest()
