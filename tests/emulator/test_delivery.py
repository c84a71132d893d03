"""What becomes of mail in the emulator: signed webhooks, suppressions and statistics, by recipient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.webhooks.signature import verify
from tests.support.emulator import Hook, automations_client, listening, mailgun_client

EVENTS = ("delivered", "opened", "clicked", "softbounced", "hardbounced", "complained", "unsubscribed")


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(signing_key="a-signing-key", webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as made:
        yield made


@pytest.fixture
def client(emu: Emulator, hook: Hook) -> Iterator[httpx.Client]:
    """A client of a domain that has a webhook for every type of event."""
    with mailgun_client(emu) as made:
        for name in EVENTS:
            form = {"id": name, "url": f"{hook.url}/hook"}
            assert made.post(f"/domains/{emu.domain}/webhooks", data=form).is_success
        made.base_url = f"{emu.mailgun_url}/{emu.domain}"
        yield made


def send(emu: Emulator, client: httpx.Client, *to: str, **more: Any) -> str:
    form = {"from": f"News <news@{emu.domain}>", "to": list(to), "subject": "Hi", "text": "Hello", **more}
    response = client.post("/messages", data=form)
    assert response.is_success, response.text
    emu.wait_idle(30)
    return str(response.json()["id"])


def named(hook: Hook) -> list[tuple[str, str]]:
    return [(event["event"], event.get("severity", "")) for event in hook.events()]


def test_a_delivered_event_says_all_that_is_known(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    queued = send(
        emu,
        client,
        "Ann <ann@example.org>",
        **{"o:tag": ["a", "b"], "v:order": '{"no": 7}', "v:my.id": "7", "h:X-Mine": "yes"},
    )
    ((_, body),) = hook.calls
    assert verify(body, "a-signing-key")
    assert not verify(body, "another-key")
    data = body["event-data"]
    assert (data["event"], data["recipient"], data["recipient-domain"]) == (
        "delivered",
        "ann@example.org",
        "example.org",
    )
    assert (data["tags"], data["user-variables"]) == (["a", "b"], {"order": {"no": 7}, "my.id": "7"})
    headers = data["message"]["headers"]
    assert queued == f"<{headers['message-id']}@{emu.domain}>", "the bare uuid of the id that the sender was told"
    assert (headers["x-mine"], headers["subject"], headers["to"]) == ("yes", "Hi", "Ann <ann@example.org>")
    assert data["envelope"]["sender"] == f"bounce-{headers['message-id']}@{emu.domain}"
    assert (data["delivery-status"]["code"], data["delivery-status"]["tls"]) == (250, True)
    assert isinstance(data["timestamp"], float)
    (attempt,) = emu.webhook_attempts
    assert (attempt.kind, attempt.batch_id, attempt.events) == ("delivered", headers["message-id"], 1)


@pytest.mark.parametrize(
    ("local", "expected", "listed"),
    [
        ("ann", [("delivered", "")], None),
        ("hardbounce", [("failed", "permanent")], "bounces"),
        ("softbounce", [("failed", "temporary")], None),
        ("complain", [("delivered", ""), ("complained", "")], "complaints"),
        ("unsubscribe", [("delivered", ""), ("unsubscribed", "")], "unsubscribes"),
        ("open", [("delivered", ""), ("opened", "")], None),
        ("click", [("delivered", ""), ("opened", ""), ("clicked", "")], None),
    ],
)
@pytest.mark.parametrize("spelling", ["{}@example.org", "{}+17@example.net", "{}@EXAMPLE.org"])
def test_fixed_addresses_end_as_their_names_say(
    *,
    emu: Emulator,
    client: httpx.Client,
    hook: Hook,
    local: str,
    expected: list[tuple[str, str]],
    listed: str | None,
    spelling: str,
) -> None:
    address = spelling.format(local)
    send(emu, client, address)
    assert named(hook) == expected, "in the order in which they happened"
    assert all(verify(body, "a-signing-key") for _, body in hook.calls)
    assert len({body["event-data"]["id"] for _, body in hook.calls}) == len(expected)
    found = {name for name in ("bounces", "complaints", "unsubscribes") if client.get(f"/{name}/{address}").is_success}
    assert found == ({listed} if listed else set())


def test_bounces_say_why(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    send(emu, client, "hardbounce@example.org", "softbounce@example.org")
    told = {event["severity"]: event for event in hook.events()}
    hard, soft = told["permanent"]["delivery-status"], told["temporary"]["delivery-status"]
    assert (hard["code"], hard["bounce-class"], told["permanent"]["reason"]) == (550, "bad-mailbox", "bounce")
    assert (soft["code"], told["temporary"]["reason"]) == (451, "espblock")
    assert client.get("/bounces/hardbounce@example.org").json()["code"] == "550"


def test_opens_and_clicks_are_spelled_omnivery_s_way(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    send(emu, client, "click@example.org", html='<a href="https://example.com/?a=1&amp;b=2">x</a>')
    _, opened, clicked = hook.events()
    for event in (opened, clicked):
        assert event["client-info"]["suspected-bot"] is False
        assert event["geolocation"]["country_code"] == "ES"
        assert set(event["envelope"]) == {"targets"}
        assert "size" not in event["message"]
        assert event["ip"]
    assert "url" not in opened
    assert clicked["url"] == "https://example.com/?a=1&b=2"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"o:tracking": "no"}, ["delivered"]),
        ({"o:tracking-opens": "no"}, ["delivered", "clicked"]),
        ({"o:tracking-clicks": "false"}, ["delivered", "opened"]),
        ({"o:tracking-clicks": "htmlonly"}, ["delivered", "opened", "clicked"]),
    ],
)
def test_what_is_not_tracked_is_not_noticed(
    emu: Emulator, client: httpx.Client, hook: Hook, option: dict[str, str], expected: list[str]
) -> None:
    send(emu, client, "click@example.org", **option)
    assert [event["event"] for event in hook.events()] == expected


@pytest.mark.parametrize("whitelisted", [{"address": "ann@example.org"}, {"domain": "example.org"}])
@pytest.mark.parametrize(
    "listed",
    [("bounces", "suppress-bounce"), ("complaints", "suppress-complaint"), ("unsubscribes", "suppress-unsubscribe")],
)
def test_a_whitelisted_address_is_exempt_from_every_suppression(
    emu: Emulator, client: httpx.Client, hook: Hook, listed: tuple[str, str], whitelisted: dict[str, str]
) -> None:
    """The page's sentence names no single list: "Whitelisted addresses are exempt from suppressions"."""
    name, reason = listed
    client.post(f"/{name}", data={"address": "ann@example.org"})
    send(emu, client, "ANN@example.org")
    (event,) = hook.events()
    assert (event["event"], event["severity"], event["reason"]) == ("failed", "permanent", reason)
    hook.calls.clear()
    client.post("/whitelists", data=whitelisted)
    send(emu, client, "ANN@example.org")
    assert named(hook) == [("delivered", "")]


def test_a_whitelisted_address_is_exempt_from_blocks_and_from_several_lists(
    emu: Emulator, client: httpx.Client, hook: Hook
) -> None:
    with automations_client(emu) as other:
        other.post(f"/{emu.domain}/suppress", data={"address": "ann@example.org", "type": "block"})
    for name in ("bounces", "complaints", "whitelists"):
        client.post(f"/{name}", data={"address": "ann@example.org"})
    send(emu, client, "ann@example.org")
    assert named(hook) == [("delivered", "")]


def test_a_bounce_suppresses_what_follows_but_never_the_whitelisted(
    emu: Emulator, client: httpx.Client, hook: Hook
) -> None:
    client.post("/whitelists", params={"address": "hardbounce+w@example.org"})
    for _ in range(2):
        send(emu, client, "hardbounce@example.org", "hardbounce+w@example.org")
    reasons: dict[str, list[str]] = {}
    for event in hook.events():
        reasons.setdefault(event["recipient"], []).append(event["reason"])
    assert reasons == {
        "hardbounce@example.org": ["bounce", "suppress-bounce"],
        "hardbounce+w@example.org": ["bounce", "bounce"],
    }
    assert client.get("/bounces/hardbounce+w@example.org").status_code == 404


def test_an_unsubscribe_from_one_tag_stops_that_tag_alone(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    send(emu, client, "unsubscribe@example.org", **{"o:tag": "news"})
    hook.calls.clear()
    send(emu, client, "unsubscribe@example.org", **{"o:tag": "news"})
    send(emu, client, "unsubscribe@example.org", **{"o:tag": "bills"})
    assert named(hook)[:2] == [("failed", "permanent"), ("delivered", "")]


def test_a_message_s_own_address_takes_the_place_of_the_domain_s(
    emu: Emulator, client: httpx.Client, hook: Hook
) -> None:
    send(emu, client, "ann@example.org", callback_url=f"{hook.url}/own")
    assert [where for where, _ in hook.calls] == ["/own"]


def test_every_address_of_a_type_is_told(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    where = f"{emu.mailgun_url}/domains/{emu.domain}/webhooks"
    client.put(f"{where}/delivered", data={"url": [f"{hook.url}/{n}" for n in "abc"]})
    send(emu, client, "ann@example.org")
    assert sorted(path for path, _ in hook.calls) == ["/a", "/b", "/c"]


def test_other_names_of_a_type_work_and_do_not_double(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    """Mailgun says permanent_fail, Omnivery's page hardbounced, its plugin failed."""
    where = f"{emu.mailgun_url}/domains/{emu.domain}/webhooks"
    client.post(where, data={"id": "permanent_fail", "url": f"{hook.url}/hook"})
    client.post(where, data={"id": "failed", "url": f"{hook.url}/failed"})
    send(emu, client, "hardbounce@example.org", "softbounce@example.org")
    assert len(hook.events()) == 2
    assert len(hook.events("/failed")) == 2


def test_a_test_message_is_stored_and_nothing_more(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    send(emu, client, "hardbounce@example.org", **{"o:testmode": "yes"})
    assert (emu.messages[0].test_mode, hook.calls) == (True, [])
    assert client.get("/bounces").json()["items"] == []


def test_each_recipient_has_webhooks_of_their_own(emu: Emulator, client: httpx.Client, hook: Hook) -> None:
    send(emu, client, "a@example.org, b@example.org", "B@example.org", cc="c@example.org", bcc="d@example.org")
    assert sorted(event["recipient"].lower()[0] for event in hook.events()) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("variables", ["{}", '{"a@example.org": {"name": "Ann"}}'])
def test_with_variables_each_recipient_has_a_message_of_their_own(
    emu: Emulator, client: httpx.Client, hook: Hook, variables: str
) -> None:
    """A log of a webhook's headers must not show other customers' addresses."""
    send(emu, client, "Ann <a@example.org>, b@example.org", **{"recipient-variables": variables})
    told = {event["recipient"]: event["message"]["headers"]["to"] for event in hook.events()}
    assert told == {"a@example.org": "a@example.org", "b@example.org": "b@example.org"}
    hook.calls.clear()
    send(emu, client, "a@example.org", "b@example.org")
    assert {event["message"]["headers"]["to"] for event in hook.events()} == {"a@example.org, b@example.org"}


def total(client: httpx.Client, *events: str, **query: Any) -> dict[str, Any]:
    response = client.get("/stats/total", params={"event": list(events), **query})
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


def test_statistics_come_from_what_happened(emu: Emulator, client: httpx.Client) -> None:
    client.post("/complaints", data={"address": "angry@example.org"})
    send(emu, client, "click@example.org", "hardbounce@example.org", "softbounce@example.org", "angry@example.org")
    told = total(client, "accepted", "delivered", "failed", "opened", "clicked", "complained", resolution="month")
    counts = told["stats"][-1]
    assert counts["accepted"] == {"incoming": 0, "outgoing": 4, "total": 4}
    assert counts["delivered"] == {"smtp": 1, "http": 0, "total": 1}
    assert counts["failed"] == {
        "permanent": {
            "bounce": 1,
            "delayed-bounce": 0,
            "suppress-bounce": 0,
            "suppress-unsubscribe": 0,
            "suppress-complaint": 1,
            "total": 2,
        },
        "temporary": {"espblock": 1},
    }
    assert [counts[name] for name in ("opened", "clicked", "complained")] == [{"total": 1}, {"total": 1}, {"total": 0}]


@pytest.mark.parametrize(("resolution", "buckets"), [("hour", 49), ("day", 3), (None, 3)])
def test_statistics_have_a_bucket_for_every_step(client: httpx.Client, resolution: str | None, buckets: int) -> None:
    query = {"resolution": resolution} if resolution else {}
    told = total(client, "accepted", start="1700000000", end="Thu, 16 Nov 2023 22:13:20 GMT", **query)
    assert told["resolution"] == (resolution or "day")
    assert len(told["stats"]) == buckets
    assert all(set(bucket) == {"time", "accepted"} for bucket in told["stats"])
    assert told["start"].startswith("Tue, 14 Nov 2023 ")
    assert told["end"].endswith(" UTC")


def test_months_follow_each_other(client: httpx.Client) -> None:
    told = total(client, "stored", start="1701300000", end="1709300000", resolution="month")
    assert [bucket["time"][8:11] for bucket in told["stats"]] == ["Nov", "Dec", "Jan", "Feb", "Mar"]


def test_statistics_of_the_last_week_are_the_default(client: httpx.Client) -> None:
    assert len(total(client, "accepted")["stats"]) == 8
    early = format_datetime(datetime.now(UTC) - timedelta(days=1))
    assert len(total(client, "accepted", start=early)["stats"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"event": "sneezed"},
        {"event": "accepted", "resolution": "week"},
        {"event": "accepted", "start": "soon"},
        {"event": "accepted", "start": "1700000000", "end": "1600000000"},
        {"event": "accepted", "start": "0", "resolution": "hour"},
    ],
)
def test_senseless_questions_about_statistics_are_refused(client: httpx.Client, query: dict[str, str]) -> None:
    response = client.get("/stats/total", params=query)
    assert (response.status_code, set(response.json())) == (400, {"message"})


def test_webhooks_of_a_message_under_way_are_given_up_at_the_end(hook: Hook) -> None:
    """Every event on its way is accounted for, those behind the one that is stuck included."""
    with Emulator(webhook_retry_delays=(600,)) as emu, mailgun_client(emu) as client:
        form = {"from": f"a@{emu.domain}", "to": "click@example.org", "text": "t", "callback_url": f"{hook.url}/gone"}
        assert client.post(f"/{emu.domain}/messages", data=form).is_success
        with pytest.raises(TimeoutError):
            emu.wait_idle(0.1)
    assert emu.statistics.webhooks_given_up == 3
    assert [attempt.kind for attempt in emu.webhook_attempts if attempt.attempt == 0] == [
        "delivered",
        "opened",
        "clicked",
    ]
