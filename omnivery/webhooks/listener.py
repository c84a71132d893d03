"""A server for webhook calls, in a thread: for a notebook, a script or a test that has none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from omnivery._startable import Startable
from omnivery.errors import ConfigError
from omnivery.webhooks.asgi import Receive, Scope, Send

if TYPE_CHECKING:
    from omnivery._server import ServerThread

App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI 3 app, such as a `Receiver`."""


class Listener(Startable):
    """Runs an ASGI app on a port of this machine, in a thread with an event loop of its own.

        with Listener(Receiver(on_verdicts, signing_key)) as listener:
            client.bots.submit(events, webhook_url=listener.url)

    Also usable as `async with`, on asyncio and on trio, and by `start()` and `stop()`, for a notebook in which several
    cells use it. It needs uvicorn, which comes with the extra `emulator`.

    Handlers run in that thread, on its asyncio loop, not in the caller's: objects that they share with your code must
    be thread-safe, as a `VerdictStore`, `queue.Queue` and `list.append` are.

    The URL is on this machine alone. The emulator can call it; for the service, put a public https URL in front, such
    as a tunnel's, and give that one as `webhook_url`.

    A forked child has no server. The parent's continues, and `stop` in the child does nothing to it.

    Args:
        app: the ASGI app, such as a `Receiver`.
        host: host name or IP address to listen on. All who can connect can call the app; a `Receiver` refuses calls
            that are not signed.
        port: port to listen on; 0 takes a free one.

    Raises:
        ConfigError: the app is not callable.
    """

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0) -> None:
        if not callable(app):
            raise ConfigError("app must be an ASGI app, such as a Receiver")
        self._app = app
        self._host, self._port = host, port
        self._running: ServerThread | None = None

    def start(self) -> None:
        """Start the server, and return when it accepts connections.

        Raises:
            ConfigError: it is running already, uvicorn is not installed, the port is taken or invalid, the host is not
                one of this machine, or the app's own startup failed.
        """
        if self._running:
            raise ConfigError("this listener is running already")
        try:
            from omnivery._server import Server, ServerThread
        except ImportError as error:
            raise ConfigError("Listener needs uvicorn: pip install 'omnivery[emulator]'") from error
        running = ServerThread(Server(self._app, host=self._host, port=self._port), name="omnivery-listener")
        running.start()
        self._running = running

    def stop(self) -> None:
        """Stop the server: calls in progress get a second to finish, and are then cancelled.

        Idempotent. The same object can be started again.
        """
        running, self._running = self._running, None
        if running:
            running.stop()

    @property
    def url(self) -> str:
        """The app's URL, such as `http://127.0.0.1:50123`; every path below it is served by the app.

        Raises:
            ConfigError: the listener is not running.
        """
        if not self._running:
            raise ConfigError("the listener is not running: open it with `with` or call start() first")
        return self._running.url

    def __repr__(self) -> str:
        return f"Listener({repr(self._running.url) if self._running else 'not running'})"
