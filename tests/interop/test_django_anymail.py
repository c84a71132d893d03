"""`django-anymail`: Django's mail by way of its Mailgun backend, and the tracking webhooks back into Django."""

from __future__ import annotations

import json
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.interop.conftest import SIGNING_KEY
from tests.support.emulator import listening, mailgun_client

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
    )
    django.setup()


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
def test_its_webhook_view_reads_our_events(emu: Emulator, webhook: str, to: str, event_type: str) -> None:
    """The emulator's payloads are taken by a reader that was written for Mailgun's."""
    event = _read_by_anymail(_payload(emu, webhook, to))
    assert (event.event_type, event.recipient) == (event_type, to)
    assert (event.metadata, event.tags) == ({"order": "7"}, ["a"])
    # It puts brackets around what it takes for an address; Omnivery sends the bare uuid.
    assert event.message_id == f"<{emu.messages[0].uuid}>"
    assert event.reject_reason == {"bounced": "bounced", "deferred": "other"}.get(event_type)


def _payload(emu: Emulator, webhook: str, to: str) -> dict[str, Any]:
    """What the emulator posts to one webhook for one message."""
    form = {"from": f"news@{emu.domain}", "to": to, "text": "Hello", "o:tag": "a", "v:order": "7"}
    with listening() as hook, mailgun_client(emu) as client:
        client.post(f"/domains/{emu.domain}/webhooks", data={"id": webhook, "url": f"{hook.url}/hook"})
        client.post(f"/{emu.domain}/messages", data=form)
        emu.wait_idle()
        ((_, body),) = hook.calls
    return body


def _read_by_anymail(payload: dict[str, Any]) -> Any:
    views: Any = pytest.importorskip("anymail.webhooks.mailgun")
    factory: Any = pytest.importorskip("django.test").RequestFactory()
    request = factory.post("/", data=json.dumps(payload), content_type="application/json")
    view = views.MailgunTrackingWebhookView()
    view.validate_request(request)
    (event,) = view.parse_events(request)
    return event
