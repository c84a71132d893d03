"""Serving an app beside a command's own work, on the same event loop."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import uvicorn
from anyio.abc import TaskStatus

from omnivery.emulator.thread import listen
from omnivery.webhooks.receiver import Receiver


class _Server(uvicorn.Server):
    started_up: TaskStatus[None]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Ctrl-C belongs to the command, which ends this server with everything else.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.started_up.started()


@asynccontextmanager
async def serving(app: Receiver, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs, and give its address.

    Raises:
        ConfigError: the port is taken, or the host is no address of this machine.
    """
    listener = listen(host, port)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=1
    )
    server = _Server(config)

    async def serve(*, task_status: TaskStatus[None]) -> None:
        server.started_up = task_status
        await server.serve(sockets=[listener])

    async with anyio.create_task_group() as tasks:
        await tasks.start(serve)
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
