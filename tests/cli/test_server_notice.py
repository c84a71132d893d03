"""What is said of a server that cannot be reached, and what is not: nobody tries again what cannot succeed."""

from __future__ import annotations

import threading

import pytest

from omnivery import Attempt
from omnivery.cli.server_notice import ServerNotice

URL = "https://api.example.com"


def attempt(error: str | None = None, *, status: int | None = None, retry_in: float | None = 0.1) -> Attempt:
    return Attempt(
        operation="x", method="GET", path="/x", number=1, elapsed=0.0, status=status, error=error, retry_in=retry_in
    )


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (attempt("NotSentError"), f"Cannot connect to {URL}: trying again. Ctrl-C ends it.\n"),
        (attempt("AmbiguousError"), f"No response from {URL}: trying again. Ctrl-C ends it.\n"),
        (attempt("ConfigError", retry_in=None), ""),
        (attempt("NotSentError", retry_in=None), ""),
        (attempt("ServerError", status=503), ""),
    ],
)
def test_a_server_is_named_once_and_only_if_it_is_tried_again(
    ended: Attempt, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad SSL_CERT_FILE, or a bad certificate, ends the run: nothing is tried again."""
    notice = ServerNotice(url=URL)
    notice.attempt_ended(ended)
    notice.attempt_ended(attempt("NotSentError"))
    assert capsys.readouterr().err == words


def test_a_proxy_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    ServerNotice(url=URL, proxied=True).attempt_ended(attempt("NotSentError"))
    assert capsys.readouterr().err == f"Cannot connect to {URL} through the proxy: trying again. Ctrl-C ends it.\n"


def test_a_server_that_has_responded_is_not_watched_any_more() -> None:
    """A thread for each of 500 small files took as long as their requests."""
    notice, known = ServerNotice(url=URL), {*threading.enumerate()}
    with notice.watching():
        assert {*threading.enumerate()} - known
    notice.attempt_ended(attempt(status=200))
    known = {*threading.enumerate()}
    with notice.watching():
        assert not {*threading.enumerate()} - known
