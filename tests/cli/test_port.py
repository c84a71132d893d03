"""A port that a command cannot listen on."""

from __future__ import annotations

import errno
import socket

import pytest

from omnivery.cli.failure import SettingError
from omnivery.cli.port import port_hints
from omnivery.errors import ConfigError
from tests.support.cli import error_of, in_process


@pytest.mark.parametrize("command", ["emulator", "listen"])
def test_a_port_in_use_says_what_to_do(command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = in_process(command, "--port", str(port))
    assert result.returncode == 2
    assert error_of(result) == {
        "type": "ConfigError",
        "message": f"cannot listen on host '127.0.0.1', port {port}: Address already in use",
        "hint": "Something listens there already, perhaps this very command: --port 0 takes a free port.",
    }


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "Ports below 1024 need privileges: take another."),
        (errno.EADDRNOTAVAIL, "--here must be a name or IP address of this machine."),
        (socket.EAI_NONAME, "--here must be a name or IP address of this machine."),
    ],
)
def test_each_reason_has_its_hint(number: int, hint: str) -> None:
    with pytest.raises(SettingError) as raised, port_hints(host="--here", another="take another"):
        raise ConfigError("cannot listen") from OSError(number, "no")
    assert (str(raised.value), raised.value.hint) == ("cannot listen", hint)


def test_another_error_stays_as_it_is() -> None:
    for cause in (OSError(errno.EMFILE, "too many open files"), None):
        with pytest.raises(ConfigError) as raised, port_hints(host="--here", another="take another"):
            raise ConfigError("a key is missing") from cause
        assert type(raised.value) is ConfigError
