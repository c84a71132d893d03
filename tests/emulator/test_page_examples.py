"""Each example of both pages, sent to the emulator: its response has the example's form, no more fields and no fewer.

The golden files hold the examples. Where a page shows no body, there is nothing to compare with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support import golden
from tests.support.emulator import automations_client, mailgun_client

ADDRESS, DOMAIN = "a+b/c@d.e", golden.DOMAIN
UNSHOWN = {
    "automations.bots.submit_batch",
    "automations.messages.send",
    "automations.suppressions.add",
    "mailgun.bounces.create",
    "mailgun.bounces.delete_all",
    "mailgun.unsubscribes.create",
    "mailgun.unsubscribes.delete",
    "mailgun.unsubscribes.get",
}
"""Operations whose bodies the pages do not show; the emulator's are Mailgun's, or empty."""
CALLERS = ("request", "webhooks", "user-variables", "headers")
"""Objects whose names are the caller's."""
OPTIONAL = {"first", "next", "previous", "last"}
"""URLs of pages. Some examples leave some out; Mailgun always has all four, and so has the emulator."""
ADDED = {"createdAt"}
"""What the emulator adds to the page's example: Mailgun's clients read it."""


@pytest.fixture(scope="module")
def emu() -> Iterator[Emulator]:
    with Emulator(single="later", result_delay=0, webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def clients(emu: Emulator) -> Iterator[dict[str, httpx.Client]]:
    """A client of each API, in the state of which the examples speak."""
    emu.reset()
    with mailgun_client(emu) as mailgun, automations_client(emu) as automations:
        for name in ("bounces", "complaints", "unsubscribes", "whitelists"):
            mailgun.post(f"/{DOMAIN}/{name}", data={"address": ADDRESS, "error": "e"})
        for kind in ("opened", "delivered"):
            mailgun.post(f"/domains/{DOMAIN}/webhooks", data={"id": kind, "url": emu.webhook_url})
        for login in ("bob.bar", ADDRESS):
            mailgun.post(f"/domains/{DOMAIN}/credentials", data={"login": login, "password": "secret"})
        yield {"mailgun": mailgun, "automations": automations}


ELSEWHERE = {
    # Where the DNS records are is not documented: in the golden file within `domain`, here as on the other surface.
    "automations.domains.get": [
        ": ['receiving_dns_records', 'sending_dns_records']",
        ".domain: ['receiving_dns_records', 'sending_dns_records']",
    ],
}
"""What differs, and why."""
FIRST_DELETE = {
    "mailgun.domains.create": f"/domains/{DOMAIN}",
    "mailgun.credentials.create": f"/domains/{DOMAIN}/credentials/bob.bar",
    "mailgun.webhooks.create": f"/domains/{DOMAIN}/webhooks/opened",
}
"""What makes room for what an example creates."""


def response_of(name: str, emu: Emulator, clients: dict[str, httpx.Client]) -> httpx.Response:
    """Send the request of an example."""
    if path_deleted := FIRST_DELETE.get(name):
        clients["mailgun"].delete(path_deleted).raise_for_status()
    surface = name.partition(".")[0]
    request, path = golden.load(name).request, golden.load(name).request["path"]
    if name == "automations.bots.result":
        made = clients["automations"].post(
            f"/{DOMAIN}/bot", data={"ip": "8.8.8.8", **golden.load(name).response["body"]["request"]}
        )
        path = f"/{DOMAIN}/bot/{made.json()['request_id']}"
    client, options = clients[surface], content_of(request, emu)
    # Only a sending key may validate.
    auth = ("api", emu.sending_key) if name == "mailgun.addresses.validate" else client.auth
    return client.request(request["method"], f"{path}?{request['query']}", auth=auth, **options)


def content_of(request: dict[str, Any], emu: Emulator) -> dict[str, Any]:
    """Return a request's body for httpx. Webhooks go to the emulator itself: it calls the URLs before it takes them."""
    body = json.loads(json.dumps(request["body"]).replace("https://hooks.example.com/", f"{emu.webhook_url}?"))
    match request["content_type"]:
        case None:
            return {}
        case "application/json":
            return {"json": body}
        case "application/x-www-form-urlencoded":
            names = {name for name, _ in body}
            return {"data": {name: [value for key, value in body if key == name] for name in names}}
    return {"files": [(name, part_of(value)) for name, value in body]}


def part_of(value: Any) -> tuple[Any, ...]:
    """Return a part of a multipart form for httpx."""
    if isinstance(value, str):
        return (None, value)
    return (value["filename"], value.get("text", "content"), value["content_type"])


def differences(example: Any, real: Any, where: str = "") -> Iterator[str]:
    """Say where a value has another form than the example."""
    if isinstance(example, dict) and isinstance(real, dict):
        yield from of_objects(example, real, where)
    elif isinstance(example, list) and isinstance(real, list):
        for item in real if example else ():
            found = [list(differences(one, item, f"{where}[]")) for one in example]
            yield from min(found, key=len)
    elif not alike(example, real):
        yield f"{where} is {real!r}, not such as {example!r}"


def of_objects(example: dict[str, Any], real: dict[str, Any], where: str) -> Iterator[str]:
    """Say where an object has other fields than the example, or of another form."""
    if where.endswith(CALLERS):
        return
    optional = OPTIONAL if where.endswith("paging") else set()
    names, expected = set(real) - ADDED - optional, set(example) - optional
    if names != expected:
        yield f"{where}: {sorted(names ^ expected)}"
    for name in names & expected:
        yield from differences(example[name], real[name], f"{where}.{name}")


def alike(example: Any, real: Any) -> bool:
    """Whether a value is of the example's type. A text may be null, and the other way round."""
    if example is None or real is None:
        return isinstance(real or example or "", str)
    numbers = isinstance(example, float) and isinstance(real, int)
    return type(example) is type(real) or numbers


@pytest.mark.parametrize("name", golden.names())
def test_the_response_has_the_form_of_the_page_s_example(
    name: str, emu: Emulator, clients: dict[str, httpx.Client]
) -> None:
    example = golden.load(name)
    response = response_of(name, emu, clients)
    assert response.status_code == example.response["status"], response.text
    if name in UNSHOWN:
        return
    assert response.headers["content-type"] == example.response["content_type"]
    if isinstance(example.response["body"], dict) and (words := example.response["body"].get("message")):
        assert response.json()["message"] == words
    found = list(differences(example.response["body"], response.json()))
    assert found == ELSEWHERE.get(name, [])
