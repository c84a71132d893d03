"""Lists in pages: every item once, to the end and no further, and never to another host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omnivery import AsyncMailgun, Mailgun
from omnivery.errors import DecodeError, NotFoundError
from omnivery.mailgun import Bounce, Page
from tests.support.fakes import always, http_response, serve
from tests.support.mailgun import (
    DOMAIN,
    client_of,
    reply,
    service,
)

pytestmark = pytest.mark.anyio

HERE = f"https://mg-api.omnivery.net/v3/{DOMAIN}/bounces"


def page(*names: str, **paging: str) -> dict[str, Any]:
    return {"items": [{"address": f"{name}@d.e"} for name in names], "paging": paging}


def names(items: list[Bounce]) -> list[str]:
    return [str(item.address).removesuffix("@d.e") for item in items]


async def test_cursors_are_followed_to_the_empty_page() -> None:
    """Mailgun's style: there is always a `next`, and an empty page is the end."""
    server = service(
        page("a", "b", next=f"{HERE}?page=next&address=b%2B1%40d.e"), page("c", next=f"{HERE}?page=z"), page(next=HERE)
    )
    assert names([item async for item in client_of(server).bounces.list()]) == ["a", "b", "c"]
    assert [dict(request.url.params) for request in server.requests] == [
        {},
        {"page": "next", "address": "b+1@d.e"},
        {"page": "z"},
    ]


async def test_offsets_in_a_link_are_followed_as_they_are() -> None:
    """The document's own example names another host, another style, and a `last` beyond the list."""
    other = "https://mg-api.omnivery.dev/v3/d/whitelists?limit=3&skip="
    server = service(
        page("a", next=f"{other}3", last=f"{other}9"), page("b", next=f"{other}6", last=f"{other}9"), page("c")
    )
    assert names(await client_of(server).bounces.list().collect()) == ["a", "b", "c"]
    assert {request.url.host for request in server.requests} == {"mg-api.omnivery.net"}
    assert {request.url.path for request in server.requests} == {f"/v3/{DOMAIN}/bounces"}
    assert [request.url.query for request in server.requests] == [b"", b"limit=3&skip=3", b"limit=3&skip=6"]


@pytest.mark.parametrize(
    "body",
    [
        page("a"),
        {"items": [{"address": "a@d.e"}]},
        {"items": [{"address": "a@d.e"}], "paging": None},
        {"items": [{"address": "a@d.e"}], "paging": {"next": None}},
        {"items": [{"address": "a@d.e"}], "paging": "<next page URL>"},
        page("a", next=""),
        page("a", next=HERE),
        page("a", next="<next page URL>"),
        page("a", next="http://["),
        page("a", previous=f"{HERE}?page=previous"),
    ],
)
async def test_without_a_usable_next_the_list_ends(body: dict[str, Any]) -> None:
    server = service(body)
    assert names(await client_of(server).bounces.list().collect()) == ["a"]
    assert len(server.requests) == 1


async def test_a_next_that_was_read_already_is_the_end() -> None:
    """Two pages that point at each other."""
    server = service(page("a", next=f"{HERE}?p=2"), page("b", next=f"{HERE}?p=3"), page("c", next=f"{HERE}?p=2"))
    assert names(await client_of(server).bounces.list().collect()) == ["a", "b", "c"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("cycle", [1, 3])
async def test_pages_that_come_round_again_under_new_links_are_the_end(cycle: int) -> None:
    """A server that ignores the cursor would otherwise be read for ever."""

    def respond(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("p", "0"))
        return reply(page(f"a{number % cycle}", next=f"{HERE}?p={number + 1}"))

    server = service(respond)
    assert names(await client_of(server).bounces.list().collect()) == [f"a{number}" for number in range(cycle)]
    assert len(server.requests) == cycle + 1


def counted(total: int | None, size: int) -> Callable[[httpx.Request], httpx.Response]:
    """A list of so many domains by limit and skip; it tells the total unless it is None."""

    def respond(request: httpx.Request) -> httpx.Response:
        skip, limit = int(request.url.params.get("skip", "0")), int(request.url.params["limit"])
        items = [{"name": f"d{number}"} for number in range(skip, min(skip + limit, size))]
        return reply({"items": items} if total is None else {"items": items, "total_count": total})

    return respond


@pytest.mark.parametrize(
    ("total", "size", "requests"), [(5, 5, 3), (4, 4, 2), (0, 0, 1), (None, 5, 3), (None, 4, 3), (9, 4, 3)]
)
async def test_domains_are_counted_through(total: int | None, size: int, requests: int) -> None:
    """Offset style: the total is believed; without one, or with too large a one, the short page is the end."""
    server = service(counted(total, size))
    found = await client_of(server).domains.list(state="active", limit=2).collect()
    assert [domain.name for domain in found] == [f"d{number}" for number in range(size)]
    assert len(server.requests) == requests
    assert all(request.url.params["state"] == "active" for request in server.requests)


@pytest.mark.parametrize(("size", "limit"), [(6, 2), (250, None)])
async def test_an_empty_paging_object_is_not_the_end_of_a_full_page(size: int, limit: int | None) -> None:
    """The documentation shows this for unsubscribes; stopping there would mail people who opted out."""

    def respond(request: httpx.Request) -> httpx.Response:
        skip, most = int(request.url.params.get("skip", "0")), int(request.url.params.get("limit", "100"))
        items = [{"address": f"a{number}@d.e"} for number in range(skip, min(skip + most, size))]
        return reply({"items": items, "paging": {}})

    found = await client_of(service(respond)).unsubscribes.list(limit=limit).collect()
    assert [item.address for item in found] == [f"a{number}@d.e" for number in range(size)]


async def test_a_server_without_skip_is_not_asked_for_ever() -> None:
    server = service({"items": [{"name": "a"}, {"name": "b"}], "total_count": 100})
    assert len(await client_of(server).domains.list(limit=2).collect()) == 2
    assert len(server.requests) == 2


async def test_no_more_pages_are_asked_for_than_wanted() -> None:
    server = service(counted(10, 10))
    pages = client_of(server).domains.list(limit=2)
    assert len(await pages.collect(max_items=3)) == 3
    assert len(server.requests) == 2
    assert await pages.collect(max_items=0) == []
    assert len(server.requests) == 2


async def test_a_list_can_be_left_early_and_read_again() -> None:
    """Nothing is open between two pages: leaving the loop needs no clean-up, on trio either."""
    server = service(counted(4, 4))
    pages = client_of(server).domains.list(limit=2)
    async for domain in pages:
        assert domain.name == "d0"
        break
    assert [domain.name async for domain in pages] == ["d0", "d1", "d2", "d3"]


async def test_pages_come_whole() -> None:
    server = service(counted(3, 3))
    found = [page async for page in client_of(server).domains.list(limit=2).pages()]
    assert [(len(page.items), page.total_count) for page in found] == [(2, 3), (1, 3)]


async def test_the_first_page_has_what_came_with_it() -> None:
    server = service({"items": [], "paging": {"next": f"{HERE}?p=2"}, "total_count": "7", "new": 1})
    first = await client_of(server).bounces.list().first()
    assert (first.items, first.total_count, first.paging, first.extra) == ((), 7, {"next": f"{HERE}?p=2"}, {"new": 1})


async def test_an_empty_list_has_one_page() -> None:
    server = service({"items": None, "paging": {}})
    assert [page.items async for page in client_of(server).bounces.list().pages()] == [()]


@pytest.mark.parametrize("body", [{"message": "no"}, {}, [], {"items": {}}, {"items": "none"}])
async def test_what_is_no_list_does_not_pass_for_an_empty_one(body: Any) -> None:
    with pytest.raises(DecodeError):
        await client_of(service(body)).bounces.list().collect()


async def test_a_wrong_item_is_named_by_its_place() -> None:
    with pytest.raises(DecodeError) as caught:
        await client_of(service({"items": [{}, {"address": 5}]})).bounces.list().collect()
    assert caught.value.path == "$.items[1].address"


async def test_an_error_on_the_way_leaves_the_place() -> None:
    """The page that failed can be asked for again, without those before it."""
    server = service(page("a", next=f"{HERE}?p=2"), reply({"message": "gone"}, 404), page("b"))
    pages = client_of(server).bounces.list().pages()
    assert names(list((await anext(pages)).items)) == ["a"]
    with pytest.raises(NotFoundError):
        await anext(pages)
    assert names(list((await anext(pages)).items)) == ["b"]


async def test_a_cursor_stays_out_of_the_repr() -> None:
    first = await client_of(service(page("a", next=f"{HERE}?address=secret%40d.e"))).bounces.list().first()
    assert "secret" not in repr(first)


async def test_a_link_to_another_host_sends_nothing_there() -> None:
    """Real sockets: the key must stay with the chosen server, whatever a response says."""
    async with serve(always(http_response())) as foreign:
        link = f"{foreign.url}/v3/{DOMAIN}/bounces?page=next"
        body = f'{{"items": [{{"address": "a@d.e"}}], "paging": {{"next": "{link}"}}}}'.encode()
        async with (
            serve(always(http_response(body=body))) as own,
            AsyncMailgun("key", domain=DOMAIN, base_url=f"{own.url}/v3") as client,
        ):
            assert len(await client.bounces.list().collect()) == 1
        path = f"/v3/{DOMAIN}/bounces"
        assert [seen.target for seen in own.seen] == [path, f"{path}?page=next"]
        assert foreign.connections == 0


async def test_to_await_a_list_is_to_have_its_first_page() -> None:
    server = service(page("a", "b", next=f"{HERE}?page=z"), page("c"))
    found = await client_of(server).bounces.list()
    assert isinstance(found, Page)
    assert names(list(found)) == ["a", "b"]
    assert (len(found), found[1].address, found[-1] in found) == (2, "b@d.e", True)
    assert len(server.requests) == 1
    assert not await client_of(service(page())).bounces.list()


async def test_a_list_says_what_it_is_and_sends_nothing_for_it() -> None:
    """At a prompt it is the first thing that one sees."""
    server = service(page("a"))
    assert repr(client_of(server).bounces.list()) == (
        "<AsyncPages of mailgun.bounces.list: iterate with `async for`, or await it, .first() or .collect()>"
    )
    assert repr(Mailgun("key", domain=DOMAIN).bounces.list()) == (
        "<Pages of mailgun.bounces.list: iterate with `for`, or call .first() or .collect()>"
    )
    assert server.requests == []
