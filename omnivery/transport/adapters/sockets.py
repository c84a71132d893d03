"""What the system knows of a connection before the event loop does."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import BaseTransport


def has_input(transport: BaseTransport | None) -> bool:
    """Whether there are bytes, or the end of the connection, that the event loop has not taken yet."""
    socket: Any = None if transport is None else transport.get_extra_info("socket")
    if socket is None or not hasattr(select, "poll"):
        return False  # Windows, where the event loop itself always waits for input
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))
