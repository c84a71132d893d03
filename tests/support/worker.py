"""What a process of pytest-xdist tells the one that prints: six messages a test, of which three are of use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def send_what_is_shown(config: pytest.Config) -> None:
    """Send neither the start of a test, nor that its setup and teardown passed: nothing is printed of them.

    They cost most of a millisecond a test, in both processes together.
    """
    if config.getoption("verbose") > 0 or config.getoption("durations") or config.getoption("xmlpath"):
        return
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":  # it is registered without a name
            plugin.sendevent = _shown_only(plugin.sendevent)


def is_shown(name: str, data: Mapping[str, Any]) -> bool:
    """Whether anything is printed of it: of a setup or teardown, only what has not passed."""
    if name == "testreport":
        return bool(data["when"] == "call" or data["outcome"] != "passed")
    return name != "logstart"


def _shown_only(send: Any) -> Any:
    def sendevent(name: str, **fields: Any) -> None:
        if is_shown(name, fields.get("data", {})):
            send(name, **fields)

    return sendevent
