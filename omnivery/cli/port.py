"""A port that a command cannot listen on, and what to do about it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from omnivery.cli.failure import SettingError
from omnivery.errors import ConfigError

_HINTS = {
    errno.EADDRINUSE: "Something listens there already, perhaps this very command: {another}.",
    errno.EACCES: "Ports below 1024 need privileges: {another}.",
    errno.EADDRNOTAVAIL: "{host} must be a name or IP address of this machine.",
    socket.EAI_NONAME: "{host} must be a name or IP address of this machine.",
}


@contextmanager
def port_hints(*, host: str = "--host", another: str = "--port 0 takes a free port") -> Iterator[None]:
    """In the block, say what to do about a port that cannot be had.

    Args:
        host: the command's option for the host.
        another: how the command is given another port.

    Raises:
        SettingError: in place of the server's `ConfigError`.
    """
    try:
        yield
    except ConfigError as error:
        if (hint := _HINTS.get(getattr(error.__cause__, "errno", None))) is None:  # type: ignore[arg-type]  # or None
            raise
        raise SettingError(str(error), hint=hint.format(host=host, another=another)) from error
