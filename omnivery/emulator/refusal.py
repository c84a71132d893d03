"""The exception that refuses a request."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  # it becomes a response, and is an error only for the client
    """Raised by a handler to refuse a request. It becomes a JSON response.

    Args:
        reason: the value of `message` in the response, or the whole response.
        status: HTTP status of the response.
    """

    def __init__(self, reason: str | dict[str, object], *, status: int = 400) -> None:
        super().__init__(reason)
        self.content: dict[str, object] = {"message": reason} if isinstance(reason, str) else reason
        self.status = status
