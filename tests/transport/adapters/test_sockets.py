"""Hosts and their IP addresses."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from omnivery.transport.adapters.sockets import ip_addresses

pytestmark = pytest.mark.asyncio


def found(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 9)) for address in addresses]


async def test_the_kinds_of_addresses_come_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where IPv6 leads nowhere, a host has several such addresses mostly."""

    async def lookup(*_arguments: object, **_options: object) -> list[Any]:
        return found("::1", "::2", "127.0.0.1", "::1", "::3")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    assert await ip_addresses("host.example", 9) == ["::1", "127.0.0.1", "::2", "::3"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_ip_address_needs_no_lookup(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert await ip_addresses(address, 9) == [address]


async def test_names_are_looked_up_while_the_interpreter_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that was left open sends its last events then, when no thread takes work any more."""

    async def lookup(*_arguments: object, **_options: object) -> list[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found("127.0.0.1"))
    assert await ip_addresses("host.example", 9) == ["127.0.0.1"]
