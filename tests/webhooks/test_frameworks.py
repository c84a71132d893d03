"""Web frameworks without ASGI: the views of the documentation, in the frameworks themselves."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import anyio
import anyio.lowlevel
import httpx
import pytest

from omnivery import webhooks
from omnivery.errors import ConfigError, PayloadError
from omnivery.webhooks import Receiver, ReceiverStatistics, VerdictStore, WebhookEvent

KEY = "example-signing-key"
PAGE = Path(__file__).parents[2] / "docs/webhooks.md"


@pytest.fixture(autouse=True)
def signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIVERY_SIGNING_KEY", KEY)


def call(event_id: str = "e1", *, key: str = KEY) -> bytes:
    return json.dumps({"signature": webhooks.sign(key), "events": [{"event_id": event_id, "is_bot": True}]}).encode()


def documented(first_line: str, **names: Any) -> dict[str, Any]:
    """What a code block of the page defines."""
    [block] = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if first_line in block
    ]
    namespace = {"__name__": "page", **names}
    exec(block, namespace)
    return namespace


def test_the_documented_view_in_flask() -> None:
    page = documented("from flask import")
    page["flask_app"].testing = True  # an exception would come out here, not be a 500
    client = page["flask_app"].test_client()
    body = call()
    sent = (body, body, call(key="other"), b"no JSON")
    assert [client.post("/verdicts", data=each).status_code for each in sent] == [200, 406, 406, 406]
    assert client.get("/verdicts").status_code == 405
    assert page["receiver"].statistics == ReceiverStatistics(accepted=1, refused=2, replayed=1)


urlpatterns: list[Any] = []
"""Where Django looks for views: this module is its ROOT_URLCONF."""


@pytest.fixture(scope="module", autouse=True)
def _django() -> None:
    """Django's settings, which can be made once in a process."""
    import django
    from django.conf import settings

    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["testserver", "127.0.0.1", "localhost"],
        SECRET_KEY="s",
        DATA_UPLOAD_MAX_MEMORY_SIZE=16 * 2**20,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    )
    django.setup()


def test_the_documented_view_in_django() -> None:
    from django.test import Client
    from django.urls import path

    handled: list[str] = []
    receiver = Receiver(lambda event: handled.append(event.token), KEY)
    urlpatterns.append(path("verdicts", documented("from django", receiver=receiver)["verdicts_view"]))
    client = Client(enforce_csrf_checks=True)

    def post(body: bytes) -> int:
        status: int = client.post("/verdicts", data=body, content_type="application/json").status_code
        return status

    body, large = call(), call("e" * 3_000_000)
    assert [post(each) for each in (body, body, call(key="other"), large)] == [200, 406, 406, 200]
    assert client.get("/verdicts").status_code == 405
    assert len(handled) == 2


def test_the_documented_function_for_a_cloud_function(capsys: pytest.CaptureFixture[str]) -> None:
    receive = documented("from omnivery.errors import WebhookError")["receive"]
    assert [receive(each) for each in (call(), call(key="other"), b"no JSON")] == [200, 406, 406]
    assert capsys.readouterr().out.splitlines() == ["[('e1', True)]", "signature wrong", "not JSON"]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name in the base class
        """Say nothing."""


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An app on a WSGI server, in a thread; yields its URL."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/verdicts"
        finally:
            server.shutdown()
            thread.join()


def flask_site() -> Any:
    return documented("from flask import")["flask_app"]


def django_site() -> Any:
    from django.core.wsgi import get_wsgi_application
    from django.urls import clear_url_caches, path

    view = documented("from django", receiver=Receiver(lambda _: None, KEY))["verdicts_view"]
    urlpatterns[:] = [path("verdicts", view)]
    clear_url_caches()
    return get_wsgi_application()


@pytest.mark.parametrize(("site", "too_large"), [(flask_site, 413), (django_site, 400)])
def test_the_documented_views_on_a_wsgi_server(site: Callable[[], Any], too_large: int) -> None:
    """Over a socket, as a service calls; what is larger than any call is refused by its length, unread."""
    body = call()
    with served(site()) as url, httpx.Client(trust_env=False) as client:
        sent = (body, body, call(key="other"), call("e" * 3_000_000))
        assert [client.post(url, content=each).status_code for each in sent] == [200, 406, 406, 200]
        assert client.get(url).status_code == 405
        host, port = url.split("/")[2].split(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(b"POST /verdicts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100).split()[1] == str(too_large).encode()


# What `handle` does, whatever calls it


def test_it_keeps_in_the_store_before_the_handler_is_called(tmp_path: Path) -> None:
    with VerdictStore(tmp_path / "verdicts.db") as store:
        kept: list[int] = []
        receiver = Receiver(lambda _: kept.append(len(store)), KEY, store=store)
        assert receiver.handle(call()) == 200
        assert kept == [1]


def test_a_coroutine_function_runs_on_an_event_loop_of_its_own() -> None:
    """The same handler may serve an ASGI app, too."""
    handled: list[str] = []

    async def handler(event: WebhookEvent) -> None:
        await anyio.lowlevel.checkpoint()
        handled.append(event.token)

    assert Receiver(handler, KEY).handle(call()) == 200
    assert Receiver(lambda event: handler(event), KEY).handle(call()) == 200  # noqa: PLW0108  # hides the coroutine
    assert len(handled) == 2


def test_a_handlers_exception_is_a_500_and_the_retry_gets_in(caplog: pytest.LogCaptureFixture) -> None:
    errors = [ValueError("for ann@example.com")]

    def handler(_: WebhookEvent) -> None:
        if errors:
            raise errors.pop()

    receiver, body = Receiver(handler, KEY), call()
    assert [receiver.handle(body) for _ in range(3)] == [500, 200, 406]
    assert "ValueError: for ***@***" in caplog.text


def test_a_verifier_gets_header_fields_in_any_case() -> None:
    receiver = Receiver(lambda _: None, verifier=lambda headers, body: headers["x-SCHEME"] == "v2")
    assert receiver.handle(call(), {"X-Scheme": "v2"}) == 200
    assert receiver.handle(call(), {"X-Scheme": "v1"}) == 406


def test_a_body_beyond_the_limit_is_refused() -> None:
    assert Receiver(lambda _: None, KEY, max_body=10).handle(call()) == 413


def test_a_cloud_function_may_hand_over_text() -> None:
    receiver = Receiver(lambda _: None, KEY)
    assert receiver.handle(call().decode()) == 200
    assert receiver.handle('{"signature": "\ud800"}') == 406


def test_threads_that_bring_the_same_call_at_once_get_it_handled_once() -> None:
    """A server with threads, and a service that calls twice: one handles it, the others are asked to come again."""
    threads, inside, release = 8, threading.Event(), threading.Event()

    def handler(_: WebhookEvent) -> None:
        inside.set()
        assert release.wait(20)

    receiver, body = Receiver(handler, KEY), call()
    statuses: list[int] = []
    first = threading.Thread(target=lambda: statuses.append(receiver.handle(body)))
    first.start()
    assert inside.wait(20)
    others = [threading.Thread(target=lambda: statuses.append(receiver.handle(body))) for _ in range(threads)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    release.set()
    first.join()
    assert statuses == [503] * threads + [200]
    assert receiver.statistics == ReceiverStatistics(accepted=1, replayed=threads)


def test_a_key_with_the_line_break_of_its_file_is_refused_here_too() -> None:
    with pytest.raises(ConfigError, match="line breaks"):
        Receiver(lambda _: None, KEY + "\n")


@pytest.mark.parametrize("parsed", [None, [], [1], 5, 0.5, True])
def test_json_that_a_framework_parsed_and_is_no_object_is_refused(parsed: Any) -> None:
    """Everyone can post `[]` or `null` to a view that hands over its framework's `request.get_json()`."""
    with pytest.raises(PayloadError, match="not a JSON object"):
        webhooks.parse(parsed, KEY)
    with pytest.raises(PayloadError, match="not a JSON object"):
        webhooks.parse_unverified(parsed)


@pytest.mark.parametrize("body", [{"events": []}, None, 5])
def test_a_body_that_the_framework_has_parsed_is_told(body: Any) -> None:
    """Such as Flask's `request.json`: it is not what was signed."""
    with pytest.raises(ConfigError, match=f"body: .*not {type(body).__name__}: "):
        Receiver(lambda _: None, KEY).handle(body)
