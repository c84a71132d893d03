"""What is asked of the system about hosts and connections, on asyncio."""

from __future__ import annotations

import asyncio
import select
import socket
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from omnivery.transport.config import is_ip

if TYPE_CHECKING:
    from asyncio import BaseTransport


def has_input(transport: BaseTransport | None) -> bool:
    """Whether there are bytes, or the end of the connection, that the event loop has not taken yet."""
    connection: Any = None if transport is None else transport.get_extra_info("socket")
    if connection is None or not hasattr(select, "poll"):
        return False  # Windows, where the event loop itself always waits for input
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def ip_addresses(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, those of IPv6 and of IPv4 in turns."""
    if is_ip(host):
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except RuntimeError:
        # The interpreter exits, and threads take no more work: a writer that was left open sends its last events.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    preferred = [one for one in addresses if (":" in one) is (":" in addresses[0])]
    others = [one for one in addresses if one not in preferred]
    return [one for pair in zip_longest(preferred, others) for one in pair if one is not None]
