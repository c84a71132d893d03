"""One request: it is never retried, ends soon, and says what the server's clock shows."""

from __future__ import annotations

import anyio
import httpx
import pytest
import respx

from omnivery.cli.checkup import probe
from omnivery.cli.checkup.probe import Probe, Prober
from omnivery.errors import ConfigError, DeadlineError
from omnivery.transport.adapters.httpx_async import HttpxAdapter

URL = "https://api.example.com/x"
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
SECONDS = 1_700_000_000


def send(prober: Prober) -> Probe:
    return anyio.run(prober.send, "GET", URL)


@respx.mock
def test_a_failure_is_not_retried() -> None:
    route = respx.get(URL).mock(side_effect=httpx.ConnectError)
    found = send(Prober(adapter=HttpxAdapter()))
    assert (found.response, found.error is not None, route.call_count) == (None, True, 1)


@respx.mock
def test_a_setting_that_shows_at_the_first_request_ends_no_other_check() -> None:
    """SSL_CERT_FILE is read with the first https connection."""
    respx.get(URL).mock(side_effect=ConfigError("SSL_CERT_FILE: no certificates"))
    assert isinstance(send(Prober(adapter=HttpxAdapter())).error, ConfigError)


@respx.mock
def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(_: httpx.Request) -> httpx.Response:
        await anyio.sleep(5)
        return httpx.Response(200)

    monkeypatch.setattr(probe, "LONGEST", 0.02)
    respx.get(URL).mock(side_effect=drip)
    assert isinstance(send(Prober(adapter=HttpxAdapter())).error, DeadlineError)


@respx.mock
def test_the_date_of_any_response_shows_the_servers_clock() -> None:
    respx.get(URL).respond(401, headers={"date": DATE})
    prober = Prober(adapter=HttpxAdapter(), clock=lambda: SECONDS + 90.0)
    send(prober)
    [sample] = prober.samples
    assert abs(sample.skew - 90) <= sample.uncertainty
    assert sample.uncertainty >= 0.5, "the header has whole seconds"


@pytest.mark.parametrize("date", [None, "yesterday", ""])
@respx.mock
def test_a_response_without_a_date_shows_nothing(date: str | None) -> None:
    respx.get(URL).respond(200, headers={} if date is None else {"date": date})
    prober = Prober(adapter=HttpxAdapter())
    send(prober)
    assert prober.samples == []
