"""One client, many threads; clones; and what closing does to calls that are under way."""

from __future__ import annotations

import socket
import threading
import time

import httpx
import pytest

from omnivery import Automations, Limits, Mailgun
from omnivery.errors import ConfigError, OmniveryError
from tests.support.sync import (
    LONG,
    ONCE,
    Request,
    always,
    client_of,
    in_threads,
    meeting,
    never,
    response,
    serving,
)


def slowly(connection: socket.socket, _: Request) -> None:
    time.sleep(0.01)
    connection.sendall(response())


def echo(connection: socket.socket, request: Request) -> None:
    connection.sendall(response(b'{"auth": {"domain": "%s"}}' % request.target.rpartition("=")[2].encode()))


def test_eight_threads_share_one_client() -> None:
    """Each gets its own responses, over connections that serve one thread at a time and are used again."""
    from omnivery.automations.account import TEST

    def work() -> None:
        for number in range(50):
            word = f"{threading.get_ident()}-{number}"
            assert client.call(TEST, query=[("word", word)]).data.domain == word

    with meeting(echo) as (server, client):
        in_threads(8, work)
    assert len(server.requests) == 400
    assert server.connections <= 8


def test_threads_keep_to_the_client_s_slots() -> None:
    with meeting(slowly, limits=Limits(concurrency=2)) as (server, client):
        in_threads(8, lambda: [client.account.test() for _ in range(5)])
    assert len(server.requests) == 40
    assert server.most_at_once == 2
    assert server.connections == 2


def test_no_connection_is_kept_if_none_may_be_idle() -> None:
    with meeting(slowly, limits=Limits(keepalive=0)) as (server, client):
        for _ in range(3):
            client.account.test()
    assert server.connections == 3


def test_clones_share_connections_and_slots() -> None:
    with meeting(slowly, limits=Limits(concurrency=1)) as (server, client):
        clone = client.with_options(domain="other.example.com", token="another")
        in_threads(2, lambda: [one.account.test() for one in (client, clone, client)])
        clone.close()
        client.account.test()
        clone.account.test()
    assert server.connections == 1
    assert server.most_at_once == 1
    assert isinstance(clone, Automations)
    assert "other.example.com" in repr(clone)


def test_a_closed_client_says_so_in_every_kind_of_work() -> None:
    with serving(always(response())) as server:
        client = client_of(server)
        clone = client.with_options(domain="other.example.com")
        client.account.test()
        client.bots.submit([{"ip": "203.0.113.7", "uas": "x", "event_id": "1"}])
        client.close()
        client.close()
        for one in (client, clone):
            with pytest.raises(ConfigError, match="closed"):
                one.account.test()
            with pytest.raises(ConfigError, match="closed"):
                one.bots.submit([{"ip": "203.0.113.7", "uas": "x", "event_id": "1"}])
    assert len(server.requests) == 2


def test_closing_lets_calls_under_way_finish_and_then_closes_their_connections() -> None:
    """A service that shuts down must not tear the response from a thread that waits for it."""
    go = threading.Event()

    def wait(connection: socket.socket, _: Request) -> None:
        assert go.wait(LONG)
        connection.sendall(response())

    def close_meanwhile() -> None:
        for _ in range(4):
            assert server.arrived.acquire(timeout=LONG)
        client.close()
        go.set()

    with serving(wait) as server:
        client = client_of(server)
        closing = threading.Thread(target=close_meanwhile)
        closing.start()
        in_threads(4, client.account.test)
        closing.join(LONG)
        with pytest.raises(ConfigError, match="closed"):
            client.account.test()
        assert not client._single._adapter._plain  # type: ignore[attr-defined]  # connections that would stay open


def test_a_thread_that_was_left_without_a_response_frees_its_slot() -> None:
    with meeting(never, limits=Limits(concurrency=1)) as (server, client):

        def wait_in_vain() -> None:
            with pytest.raises(OmniveryError):
                client.account.test(options=ONCE)

        waiting = threading.Thread(target=wait_in_vain)
        waiting.start()
        assert server.arrived.acquire(timeout=LONG)
        server.stop()
        waiting.join(LONG)
        with pytest.raises(OmniveryError):
            client.account.test(options=ONCE)


def test_no_secret_in_any_repr() -> None:
    automations = Automations("SECRET", base_url="http://api.example.com")
    mailgun = Mailgun("SECRET", sending_key="SECRET", domain="d.example", base_url="http://api.example.com/v3")
    for thing in (
        automations,
        automations.bots,
        automations.account,
        mailgun,
        mailgun.messages,
        mailgun.bounces.list(),
    ):
        assert "SECRET" not in repr(thing)
    assert repr(automations) == "Automations(base_url='http://api.example.com', domain=None)"
    assert repr(mailgun) == "Mailgun(base_url='http://api.example.com/v3', domain='d.example')"


def test_a_client_of_your_own_carries_single_calls_and_bulk_and_stays_yours() -> None:
    seen: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(200, json={"auth": {"cid": 7}})

    with httpx.Client(transport=httpx.MockTransport(respond), verify=False, trust_env=False) as own:
        with Automations(
            "t", domain="d.example", base_url="http://a.example", webhook_url="http://b.example", http_client=own
        ) as client:
            assert client.account.test().cid == 7
            rows = ({"ip": "203.0.113.7", "uas": "x", "event_id": str(number)} for number in range(1200))
            assert client.bots.submit(rows).accepted == 1200
        assert not own.is_closed
    assert seen == ["/test", *["/d.example/bot"] * 3]


def test_an_asynchronous_client_of_your_own_is_refused() -> None:
    own = httpx.AsyncClient(verify=False, trust_env=False)
    with pytest.raises(ConfigError, match=r"httpx\.Client"):
        Automations("t", base_url="http://a.example", http_client=own)  # type: ignore[arg-type]  # the point
