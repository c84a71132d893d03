"""The four lists on the emulator's Mailgun surface: every form of creation, both styles of paging, every text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import mailgun_client

LISTS = ["bounces", "complaints", "unsubscribes"]
MISSING = {
    "bounces": "Address not found in bounces table",
    "complaints": "No spam complaints found for this address",
    "unsubscribes": "Address not found in unsubscribers table",
    "whitelists": "Address/Domain not found in whitelists table",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emu(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def client(emu: Emulator) -> Iterator[httpx.Client]:
    """A client whose base is the domain's own part of the API."""
    with mailgun_client(emu) as made:
        made.base_url = f"{emu.mailgun_url}/{emu.domain}"
        yield made


def addresses(client: httpx.Client, name: str) -> list[str]:
    return [item.get("address") or item["value"] for item in client.get(f"/{name}").json()["items"]]


@pytest.mark.parametrize("name", LISTS)
def test_a_record_may_come_as_form_as_object_and_in_an_array(client: httpx.Client, name: str) -> None:
    """The page asks bounces for JSON and the others for a form, Mailgun's clients for arrays: all must work."""
    response = client.post(f"/{name}", data={"address": "a@example.com", "error": "e"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"address": "a@example.com", "message": f"Address has been added to the {name} table"}
    assert client.post(f"/{name}", json={"address": "b@example.com"}).json()["address"] == "b@example.com"
    response = client.post(f"/{name}", json=[{"address": f"{n}@example.com"} for n in range(1000)])
    assert response.json() == {"message": f"1000 addresses have been added to the {name} table"}
    multipart = {"address": (None, "c@example.com")}
    assert client.post(f"/{name}", files=multipart).status_code == 200
    assert client.get(f"/{name}/c@example.com").status_code == 200
    assert len(addresses(client, f"{name}?limit=1000&skip=3")) == 1000


@pytest.mark.parametrize("name", LISTS)
def test_the_same_address_again_replaces_its_record(client: httpx.Client, name: str) -> None:
    """Creating is repeatable: a client may retry it."""
    for error in ("first", "second"):
        client.post(f"/{name}", data={"address": "A@example.com", "error": error})
    (item,) = client.get(f"/{name}").json()["items"]
    assert item["error"] == "second"


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": ""},
        {"address": 7},
        {"address": "nobody"},
        [{"address": "a@example.com"}, {}],
        ["a@example.com"],
        [{"address": f"{n}@example.com"} for n in range(1001)],
    ],
)
def test_bad_records_are_refused_and_leave_nothing_behind(client: httpx.Client, name: str, body: Any) -> None:
    response = client.post(f"/{name}", json=body)
    assert (response.status_code, set(response.json())) == (400, {"message"})
    assert addresses(client, name) == []


def test_a_body_that_is_no_json_is_refused(client: httpx.Client) -> None:
    response = client.post("/bounces", content=b"{", headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (400, {"message": "the body is not JSON"})


@pytest.mark.parametrize("name", [*LISTS, "whitelists"])
@pytest.mark.parametrize("address", ["a+b/c%@d.example", "ä@example.com"])
def test_addresses_are_whole_path_segments(client: httpx.Client, name: str, address: str) -> None:
    client.post(f"/{name}", data={"address": address})
    segment = httpx.QueryParams({"": address}).__str__()[1:].replace("+", "%20")
    found = client.get(f"/{name}/{segment}").json()
    assert found.get("address", found.get("value")) == address
    gone = client.delete(f"/{name}/{segment}")
    assert (gone.status_code, address in gone.json().values()) == (200, True)
    for method in ("GET", "DELETE"):
        response = client.request(method, f"/{name}/{segment}")
        assert (response.status_code, response.json()) == (404, {"message": MISSING[name]})


def test_what_a_bounce_holds(client: httpx.Client) -> None:
    client.post("/bounces", json={"address": "a@example.com", "code": 551, "error": "gone"})
    found = client.get("/bounces/a@example.com").json()
    created = found.pop("created_at")
    assert found == {"address": "a@example.com", "code": "551", "error": "gone"}, "the code is text"
    assert created.endswith("GMT")
    client.post("/bounces", json={"address": "b@example.com"})
    assert client.get("/bounces/b@example.com").json()["code"] == "550"


def test_a_complaint_says_description_alone_and_error_in_a_list(client: httpx.Client) -> None:
    """The page contradicts itself; clients have to read both."""
    client.post("/complaints", data={"address": "a@example.com", "error": "spam"})
    assert client.get("/complaints/a@example.com").json()["description"] == "spam"
    assert client.get("/complaints").json()["items"][0]["error"] == "spam"


@pytest.mark.parametrize("how", ["query", "form"])
def test_a_tag_alone_can_be_unsubscribed_no_more(client: httpx.Client, how: str) -> None:
    """Mailgun's `tag`: the address goes with its last tag."""
    client.post("/unsubscribes", json=[{"address": "B@example.com", "tags": ["x", "y"]}])

    def remove(tag: str) -> int:
        given: Any = {"params": {"tag": tag}} if how == "query" else {"data": {"tag": tag}}
        return client.request("DELETE", "/unsubscribes/b@example.com", **given).status_code

    assert [remove("z"), remove("x"), remove("x")] == [404, 200, 404]
    assert addresses(client, "unsubscribes") == ["B@example.com"]
    assert remove("y") == 200
    assert addresses(client, "unsubscribes") == []
    assert remove("y") == 404


def test_a_given_time_is_kept(client: httpx.Client) -> None:
    moment = "Fri, 21 Oct 2011 11:02:55 GMT"
    client.post("/bounces", data={"address": "a@example.com", "created_at": moment})
    assert client.get("/bounces/a@example.com").json()["created_at"] == moment


def test_all_bounces_can_be_wiped_and_nothing_else(client: httpx.Client) -> None:
    for name in LISTS:
        client.post(f"/{name}", data={"address": "a@example.com"})
    response = client.delete("/bounces")
    assert response.json() == {"message": "Bounced addresses for this domain have been removed"}
    assert addresses(client, "bounces") == []
    for name in ("complaints", "unsubscribes", "whitelists"):
        assert client.delete(f"/{name}").status_code == 405
    assert addresses(client, "complaints") == ["a@example.com"]


@pytest.mark.parametrize(
    ("query", "form", "kind", "value"),
    [
        ({"address": "a@example.com"}, {}, "address", "a@example.com"),
        ({}, {"address": "a@example.com"}, "address", "a@example.com"),
        ({}, {"domain": "example.com"}, "domain", "example.com"),
        ({"domain": "example.com"}, {}, "domain", "example.com"),
    ],
)
def test_a_white_list_takes_query_and_form(client: httpx.Client, query: Any, form: Any, kind: str, value: str) -> None:
    """The page shows the query, Mailgun's clients send a form."""
    added = client.post("/whitelists", params=query, data=form).json()
    assert added == {
        "message": "Address/Domain has been added to the whitelists table",
        "type": kind,
        "value": value,
    }
    found = client.get(f"/whitelists/{value}").json()
    assert found == client.get("/whitelists").json()["items"][0]
    assert (found["type"], found["value"], found["created_at"][-3:]) == (kind, value, "GMT")
    # Mailgun's clients read this name, and not the page's.
    assert found["createdAt"] == found["created_at"].replace("GMT", "UTC")
    assert client.delete(f"/whitelists/{value}").json() == {
        "message": "Whitelist address/domain has been removed",
        "value": value,
    }


def test_a_white_list_entry_needs_a_value(client: httpx.Client) -> None:
    assert client.post("/whitelists").status_code == 400
    assert client.post("/whitelists", json=[{"address": "a@example.com"}]).status_code == 400


@pytest.mark.parametrize("name", [*LISTS, "whitelists"])
@pytest.mark.parametrize(("start", "sizes_back"), [("limit=2", [1, 2, 2]), ("limit=2&page=first", [2, 2, 1, 0])])
def test_pages_lead_forward_and_back_in_both_styles(
    client: httpx.Client, name: str, start: str, sizes_back: list[int]
) -> None:
    """Offsets count from the beginning, cursors from where one stands: so the way back is cut differently."""
    everybody = [f"{letter}@example.com" for letter in "abcde"]
    for address in everybody:
        client.post(f"/{name}", data={"address": address})

    def walk(url: str, step: str) -> list[list[str]]:
        pages = []
        while True:
            body = client.get(url).json()
            pages.append([item.get("address") or item["value"] for item in body["items"]])
            assert set(body["paging"]) == {"first", "next", "previous", "last"}
            assert all(link.startswith(str(client.base_url)) for link in body["paging"].values())
            if not pages[-1] or len(pages) > 6:
                return pages
            following = body["paging"][step]
            if following == url:
                return pages
            url = following

    forward = walk(f"/{name}?{start}", "next")
    assert forward == [everybody[0:2], everybody[2:4], everybody[4:5], []]
    links = client.get(f"/{name}?{start}").json()["paging"]
    assert [len(page) for page in walk(links["last"], "previous")] == sizes_back
    assert walk(links["first"], "next") == forward


def test_a_page_goes_on_after_an_address_that_is_gone(client: httpx.Client) -> None:
    """Deleting while one reads must not lose the rest: what cursors are for."""
    for letter in "abc":
        client.post("/bounces", data={"address": f"{letter}@example.com"})
    following = client.get("/bounces?page=first&limit=1").json()["paging"]["next"]
    client.delete("/bounces/a@example.com")
    assert client.get(following).json()["items"][0]["address"] == "b@example.com"


def test_beyond_either_end_lies_the_way_back(client: httpx.Client) -> None:
    for letter in "ab":
        client.post("/bounces", data={"address": f"{letter}@example.com"})
    for step, back in (("next", "previous"), ("previous", "next")):
        edge = client.get(f"/bounces?page={'last' if step == 'next' else 'first'}&limit=1").json()
        beyond = client.get(edge["paging"][step]).json()
        assert beyond["items"] == []
        assert client.get(beyond["paging"][step]).json()["items"] == []
        assert client.get(beyond["paging"][back]).json()["items"] == edge["items"]


def test_an_unknown_step_is_refused(client: httpx.Client) -> None:
    assert client.get("/bounces?page=sideways").status_code == 400


def test_the_style_can_be_chosen_for_clients_that_do_not() -> None:
    with Emulator(paging="cursor") as emu, mailgun_client(emu) as client:
        where = f"/{emu.domain}/bounces"
        assert "page=next" in client.get(where).json()["paging"]["next"]
        assert "skip=" in client.get(f"{where}?skip=0").json()["paging"]["next"]


@pytest.mark.parametrize("name", [*LISTS, "whitelists"])
def test_an_unknown_domain_is_404(emu: Emulator, name: str) -> None:
    with mailgun_client(emu) as client:
        response = client.get(f"/no.example.com/{name}")
        assert (response.status_code, response.json()) == (404, {"message": "Domain not found: no.example.com"})


def test_the_mailgun_dialect_takes_forms_and_arrays_and_no_object_and_no_query() -> None:
    with Emulator(dialect="mailgun") as emu, mailgun_client(emu) as client:
        client.base_url = f"{emu.mailgun_url}/{emu.domain}"
        assert client.post("/bounces", json={"address": "a@example.com"}).status_code == 400
        assert client.post("/bounces", data={"address": "a@example.com"}).status_code == 200
        assert client.post("/bounces", json=[{"address": "b@example.com"}]).status_code == 200
        assert client.post("/whitelists", params={"address": "c@example.com"}).status_code == 400
        assert client.post("/whitelists", data={"address": "c@example.com"}).status_code == 200
