"""Keys and tokens leave a client in the header of a request, and in no other way."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Automations, Mailgun
from omnivery.errors import ConfigError
from omnivery.transport.credentials import BasicKey, TokenHeader

SECRET = "s3cr3t-key-0123456789"
CLIENTS: list[Callable[[], Any]] = [
    lambda: AsyncMailgun(SECRET, sending_key=SECRET, domain="mail.example.com"),
    lambda: Mailgun(SECRET, sending_key=SECRET, domain="mail.example.com"),
    lambda: AsyncAutomations(SECRET, domain="mail.example.com"),
    lambda: Automations(SECRET, domain="mail.example.com"),
]


@pytest.mark.parametrize("make", CLIENTS)
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_is_neither_pickled_nor_copied(make: Callable[[], Any], way: Callable[[Any], Any]) -> None:
    """A task queue would write the key to a broker, and the copy would share sockets that are not its own."""
    client = make()
    # A shallow copy of what holds a client shares the client.
    for value in [client] if way is copy.copy else [client, {"settings": [client]}]:
        with pytest.raises(TypeError, match=r"is not copied or pickled.*Create a client in each process"):
            way(value)


def everything_in(value: object, seen: set[int]) -> Any:
    """What a dump makes of an object that walks its attributes: `vars()`, and attrs' own."""
    if id(value) in seen or isinstance(value, type):
        return None
    seen.add(id(value))
    if attrs.has(type(value)):
        return {name: everything_in(item, seen) for name, item in attrs.asdict(value, recurse=True).items()}  # type: ignore[arg-type]  # has() says that it is one
    if isinstance(value, dict):
        return {str(name): everything_in(item, seen) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [everything_in(item, seen) for item in value]
    if hasattr(value, "__dict__"):
        return {name: everything_in(item, seen) for name, item in vars(value).items()}
    return repr(value)


@pytest.mark.parametrize("make", CLIENTS)
def test_no_dump_of_a_client_shows_its_key(make: Callable[[], Any]) -> None:
    """As error trackers and debuggers make them: of a request's local variables, for instance."""
    client = make()
    encoded = BasicKey(key=SECRET).secrets[1]
    dumps = [
        repr(client),
        str(vars(client)),
        pprint.pformat(vars(client)),
        json.dumps(vars(client), default=lambda value: getattr(value, "__dict__", None) or repr(value)),
        json.dumps(everything_in(client, set()), default=repr),
    ]
    for dump in dumps:
        assert SECRET not in dump
        assert encoded not in dump


def test_a_credential_is_compared_by_its_secret_and_shown_without() -> None:
    assert BasicKey(key="a") == BasicKey(key="a") != BasicKey(key="b")
    assert TokenHeader(name="ov-token", token="a") == TokenHeader(name="ov-token", token="a")
    assert len({BasicKey(key="a"), BasicKey(key="a"), BasicKey(key="b")}) == 2
    assert repr(BasicKey(key=SECRET)) == "BasicKey(***)"
    with pytest.raises(TypeError, match="must not leave its process"):
        pickle.dumps(TokenHeader(name="ov-token", token=SECRET))


@pytest.mark.parametrize("secret", ["", "k\n", " k", "k\r\n", '"k"', "'k'", "kü", "k\tk", "k\0", None, b"k", 5])
def test_what_is_no_key_is_refused_and_not_shown(secret: Any) -> None:
    """Mostly a line break, or quotes, of the file that it was copied from."""
    for make in (lambda: BasicKey(key=secret), lambda: TokenHeader(name="ov-token", token=secret)):
        with pytest.raises(ConfigError, match="copy it again, without quotes") as caught:
            make()
        assert "k\n" not in str(caught.value)
