"""Serving an app beside a command's own work, on the same event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus

from omnivery._server import Server, address, listen
from omnivery.webhooks.receiver import Receiver


@asynccontextmanager
async def serving(app: Receiver, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs, and give its address.

    Raises:
        ConfigError: the port is taken or is none, or the host is no address of this machine.
    """
    listener = listen(host, port)
    servers: list[Server] = []

    async def serve(*, task_status: TaskStatus[None]) -> None:
        servers.append(Server(app, started=task_status.started))
        await servers[0].serve(sockets=[listener])

    async with anyio.create_task_group() as tasks:
        await tasks.start(serve)
        try:
            yield address(host, listener)
        finally:
            servers[0].should_exit = True
