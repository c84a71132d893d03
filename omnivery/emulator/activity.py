"""Activity: what the emulator does, as it happens, for those who watch it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from attrs import field, frozen


@frozen(kw_only=True)
class Activity:
    """Something that the emulator did just now.

    It has no content of requests and messages. `target` may have e-mail addresses where a path has them, but no query
    and no user name or password of a URL.
    """

    kind: Literal["request", "webhook", "smtp"]
    """A response to a request, an attempt to deliver a webhook, or an attempt to pass a message on."""
    name: str
    """The HTTP method of a request, the kind of a webhook, the outcome of SMTP."""
    target: str
    """The path of a request, the URL of a webhook, host and port of an SMTP server."""
    status: int | None
    """Status of the response; None if there was none."""
    seconds: float
    """How long it took."""
    note: str = ""
    """What else there is to say: why there was no response, or which attempt it was."""
    at: datetime = field(factory=lambda: datetime.now(UTC))
    """When it ended."""


Watcher: TypeAlias = Callable[[Activity], object]
"""Called for each activity, in the server's threads: it must return at once."""


class ActivityFeed:
    """Tells watchers what happens. Any thread may tell, and any may begin or end to watch."""

    def __init__(self) -> None:
        self._watchers: tuple[Watcher, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a function for each activity from now on. Return what ends that."""
        self._watchers = (*self._watchers, watcher)

        def end() -> None:
            self._watchers = tuple(other for other in self._watchers if other is not watcher)

        return end

    def tell(self, activity: Activity) -> None:
        """Tell the watchers of an activity."""
        for watcher in self._watchers:
            watcher(activity)
