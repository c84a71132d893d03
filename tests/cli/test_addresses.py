"""`omnivery addresses`."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.automations import KickboxResult
from omnivery.cli.addresses import Validation
from omnivery.mailgun import Addresses
from tests.cli.conftest import Command
from tests.support.cli import output_of


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_each_address_is_validated(command: Command, surface: str) -> None:
    result = command("addresses", "validate", "ann@example.com", "no address", "--surface", surface)
    first, second = output_of(result)["items"]
    assert result.returncode == 1
    assert (first["address"], first["valid"]) == ("ann@example.com", True)
    assert second["valid"] is False


def test_what_was_found_before_an_error_is_kept(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address costs a call."""
    validate = Addresses.validate

    def interrupted(self: Addresses, address: str, **options: Any) -> Any:
        if address == "stop@example.com":
            raise KeyboardInterrupt
        return validate(self, address, **options)

    monkeypatch.setattr(Addresses, "validate", interrupted)
    result = command("addresses", "validate", "ann@example.com", "stop@example.com", "bob@example.com")
    assert result.returncode == 130
    assert [item["address"] for item in output_of(result)["items"]] == ["ann@example.com"]


def test_addresses_come_from_standard_input_too(command: Command) -> None:
    result = command("addresses", "validate", "-", stdin=b"ann@example.com\n\n bob@example.com \n")
    assert result.returncode == 0
    assert [item["address"] for item in output_of(result)["items"]] == ["ann@example.com", "bob@example.com"]


def test_the_token_validates_where_there_is_no_sending_key(command: Command) -> None:
    """The primary key may not: the service would refuse it."""
    assert command("addresses", "validate", "ann@example.com", environment={"OMNIVERY_SENDING_KEY": ""}).returncode == 0


def test_what_is_not_known_is_not_valid() -> None:
    risky = Validation.of_automations(KickboxResult(result="risky", reason="low_quality"), "a@example.com")
    assert (risky.valid, risky.reason) == (None, "risky: low_quality")


@pytest.mark.parametrize("surface", ["mailgun", "automations"])
def test_a_list_is_split(command: Command, surface: str) -> None:
    result = command("addresses", "parse", "Ann <ann@example.com>, bob@example.com", "nobody", "--surface", surface)
    found = output_of(result)
    assert result.returncode == 1
    assert [item["email"] for item in found["parsed"]] == ["ann@example.com", "bob@example.com"]
    assert found["unparseable"] == ["nobody"]
