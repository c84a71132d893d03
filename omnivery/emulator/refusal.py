"""The one way to refuse a request."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  # it becomes an answer, and is an error only to the client
    """A request that is not carried out: raised by handlers, answered in JSON.

    Args:
        reason: what the client is told under `message`, or the whole answer.
        status: HTTP status of the answer.
    """

    def __init__(self, reason: str | dict[str, object], *, status: int = 400) -> None:
        super().__init__(reason)
        self.content: dict[str, object] = {"message": reason} if isinstance(reason, str) else reason
        self.status = status
