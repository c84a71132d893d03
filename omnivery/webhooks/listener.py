"""A place for webhook calls to arrive, where there is no server yet: in a notebook, a script or a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

import anyio
import anyio.to_thread

from omnivery.errors import ConfigError
from omnivery.webhooks.asgi import Receive, Scope, Send

if TYPE_CHECKING:
    from omnivery._server import ServerThread

App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI 3 app, such as a `Receiver`."""


class Listener:
    """Runs an ASGI app on a port of this machine, in a thread with an event loop of its own.

        with Listener(Receiver(on_verdicts, signing_key)) as listener:
            client.bots.submit(events, webhook_url=listener.url)

    There is `async with`, too, on asyncio and on trio; and `start()` and `stop()`, for a notebook whose cells should
    all find it running. It needs uvicorn, which comes with the extra `emulator`.

    Handlers run in that thread, on its asyncio loop, and not where you called: what they share with your code has to
    be safe between threads, as a `VerdictStore`, `queue.Queue` and `list.append` are.

    The address is this machine's own. The emulator reaches it; the service needs a public https address in front, such
    as a tunnel's, which is then the `webhook_url` to give.

    A forked child has no server: the parent's goes on, and in the child `stop` does nothing to it.

    Args:
        app: what to run, such as a `Receiver`.
        host: address to listen on. Whoever reaches it can call the app: a `Receiver` refuses what is not signed.
        port: port to listen on; a free one for 0.

    Raises:
        ConfigError: the app is none.
    """

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0) -> None:
        if not callable(app):
            raise ConfigError("app must be an ASGI app, such as a Receiver")
        self._app = app
        self._host, self._port = host, port
        self._running: ServerThread | None = None

    def start(self) -> None:
        """Start the server, and return when it answers.

        Raises:
            ConfigError: it runs already, uvicorn is not installed, the port is taken or is none, the host is no
                address of this machine, or the app's own start-up failed.
        """
        if self._running:
            raise ConfigError("this listener is running already")
        try:
            from omnivery._server import ServerThread
        except ImportError as error:
            raise ConfigError("Listener needs uvicorn: pip install 'omnivery[emulator]'") from error
        running = ServerThread(self._host, self._port, self._app, name="omnivery-listener")
        running.start()
        self._running = running

    def stop(self) -> None:
        """Stop the server: calls under way get a second to be answered, and are then cancelled.

        Stopping what does not run does nothing. The same object can be started again.
        """
        running, self._running = self._running, None
        if running:
            running.stop()

    @property
    def url(self) -> str:
        """Where the app is, such as `http://127.0.0.1:50123`: any path below it is the app's own.

        Raises:
            ConfigError: the listener is not running.
        """
        if not self._running:
            raise ConfigError("the listener is not running: open it with `with` or call start() first")
        return self._running.url

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)

    def __repr__(self) -> str:
        return f"Listener({repr(self._running.url) if self._running else 'not running'})"
