"""`django-anymail`: Django's mail by way of its Mailgun backend, and the tracking webhooks back into Django."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from omnivery.emulator import Emulator
from tests.interop.conftest import SIGNING_KEY
from tests.interop.other_clients import Seen, hold_to_the_page, versions
from tests.support.emulator import mailgun_client

# Loaded by name: the packages are there in this session alone, so type checkers cannot know them.
django: Any = pytest.importorskip("django")
pytest.importorskip("anymail")


@pytest.fixture(scope="module", autouse=True)
def _settings() -> None:
    conf: Any = pytest.importorskip("django.conf")
    conf.settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["anymail"],
        SECRET_KEY="for-tests",
        USE_TZ=True,
        ANYMAIL={"MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY},
        ROOT_URLCONF="anymail.urls",
    )
    django.setup()


class Tracking:
    """A Django project with anymail's URLs, served on a port; and the events that its signal handed over."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        wsgi: Any = pytest.importorskip("django.core.wsgi")
        self._server = make_server("127.0.0.1", 0, wsgi.get_wsgi_application(), handler_class=QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mailgun/tracking/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def receive(self, sender: object, event: Any, **_: object) -> None:
        """Keep an event; Django calls it."""
        self.events.append(event)

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class QuietHandler(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        """Say nothing."""


@pytest.fixture
def view() -> Iterator[Tracking]:
    signals: Any = pytest.importorskip("anymail.signals")
    made = Tracking()
    signals.tracking.connect(made.receive, weak=False)
    yield made
    signals.tracking.disconnect(made.receive)
    made.close()


@pytest.fixture
def connection(emu: Emulator) -> Any:
    mail: Any = pytest.importorskip("django.core.mail")
    return mail.get_connection(
        "anymail.backends.mailgun.EmailBackend",
        api_key=emu.sending_key,
        api_url=emu.mailgun_url,
        sender_domain=emu.domain,
    )


def message(emu: Emulator, connection: Any, to: list[str]) -> Any:
    mail: Any = pytest.importorskip("django.core.mail")
    return mail.EmailMultiAlternatives("Grüße", "Hello", f"News <news@{emu.domain}>", to, connection=connection)


def test_a_message_with_everything(emu: Emulator, connection: Any) -> None:
    made = message(emu, connection, ["Ann <ann@example.org>", "bob@example.org"])
    made.cc, made.bcc, made.reply_to = ["cid@example.org"], ["dee@example.org"], ["desk@example.org"]
    made.attach_alternative("<p>Hello</p>", "text/html")
    made.attach("übersicht.pdf", b"\x00\xff", "application/pdf")
    made.tags, made.metadata, made.track_opens = ["a"], {"order": 7}, False
    assert made.send() == 1
    (stored,) = emu.messages
    assert made.anymail_status.message_id == stored.id
    assert made.anymail_status.status == {"queued"}
    assert (stored.subject, stored.text, stored.html) == ("Grüße", "Hello", "<p>Hello</p>")
    assert stored.recipients == ("ann@example.org", "bob@example.org", "cid@example.org", "dee@example.org")
    assert [(file.name, file.media_type, file.content) for file in stored.attachments] == [
        ("übersicht.pdf", "application/pdf", b"\x00\xff")
    ]
    assert (stored.values("o:tag"), stored.value("v:order"), stored.value("o:tracking-opens")) == (["a"], "7", "no")
    assert stored.value("h:Reply-To") == "desk@example.org"


def test_a_batch_with_merge_data(emu: Emulator, connection: Any) -> None:
    made = message(emu, connection, ["ann@example.org", "bob@example.org"])
    made.merge_data = {"ann@example.org": {"name": "Ann"}, "bob@example.org": {"name": "Bob"}}
    assert made.send() == 1
    variables = json.loads(emu.messages[0].value("recipient-variables") or "")
    assert variables == made.merge_data


def test_refusals_reach_the_caller(emu: Emulator, connection: Any) -> None:
    exceptions: Any = pytest.importorskip("anymail.exceptions")
    connection.sender_domain, connection.api_key = "no.example.com", emu.api_key
    with pytest.raises(exceptions.AnymailRequestsAPIError, match="Unknown sender domain"):
        message(emu, connection, ["ann@example.org"]).send()
    connection.sender_domain, connection.api_key = emu.domain, "wrong"
    with pytest.raises(exceptions.AnymailRequestsAPIError, match="401"):
        message(emu, connection, ["ann@example.org"]).send()


@pytest.mark.parametrize(
    ("webhook", "to", "event_type"),
    [
        ("delivered", "ann@example.org", "delivered"),
        ("hardbounced", "hardbounce@example.org", "bounced"),
        ("softbounced", "softbounce@example.org", "deferred"),
        ("opened", "open@example.org", "opened"),
        ("clicked", "click@example.org", "clicked"),
        ("complained", "complain@example.org", "complained"),
        ("unsubscribed", "unsubscribe@example.org", "unsubscribed"),
    ],
)
def test_its_webhook_view_takes_our_calls(
    emu: Emulator, view: Tracking, webhook: str, to: str, event_type: str
) -> None:
    """The emulator's signed calls come to the URL that a Django project has, and are read as Mailgun's."""
    send_to(emu, webhook, to, view.url)
    assert [(attempt.status, attempt.error) for attempt in emu.webhook_attempts] == [(200, None)]
    (event,) = view.events
    assert (event.event_type, event.recipient) == (event_type, to)
    assert (event.metadata, event.tags) == ({"order": "7"}, ["a"])
    # It puts brackets around what it takes for an address; Omnivery sends the bare uuid.
    assert event.message_id == f"<{emu.messages[0].uuid}>"
    assert event.reject_reason == {"bounced": "bounced", "deferred": "other"}.get(event_type)


def test_its_webhook_view_refuses_another_key(view: Tracking) -> None:
    with Emulator(signing_key="another-key", webhook_retry_delays=()) as emu:
        send_to(emu, "delivered", "ann@example.org", view.url)
        assert [attempt.status for attempt in emu.webhook_attempts] == [400]
    assert view.events == []


def test_what_the_page_says_of_it(emulators: dict[str, Emulator], view: Tracking) -> None:
    seen: dict[str, Seen] = {}
    for name, emu in emulators.items():
        view.events.clear()
        send_to(emu, "delivered", "ann@example.org", view.url)
        same = view.events[0].message_id == emu.messages[0].id
        seen[name] = {"event.message_id is that of the sent message": same}
    hold_to_the_page("django-anymail", **seen)
    assert versions()["django-anymail"] == version("django-anymail")


def send_to(emu: Emulator, webhook: str, to: str, url: str) -> None:
    """Send a message whose event of one kind is posted to a URL."""
    form = {"from": f"news@{emu.domain}", "to": to, "text": "Hello", "o:tag": "a", "v:order": "7"}
    with mailgun_client(emu) as client:
        client.post(f"/domains/{emu.domain}/webhooks", data={"id": webhook, "url": url})
        client.post(f"/{emu.domain}/messages", data=form)
    emu.wait_idle(30)
