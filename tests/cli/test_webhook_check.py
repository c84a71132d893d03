"""`omnivery webhooks test`."""

from __future__ import annotations

from omnivery.emulator import Emulator
from tests.cli.conftest import Command
from tests.support.cli import error_of, free_port, output_of


def test_a_receiver_is_tested_with_a_call_that_it_takes(command: Command, server: Emulator) -> None:
    """The emulator's own receiver verifies what comes, and so the sample is signed with the key that is set."""
    command("webhooks", "set", "delivered", server.webhook_url)
    result = command("webhooks", "test", "delivered", environment={"OMNIVERY_SIGNING_KEY": server.signing_key})
    assert result.returncode == 0, result.stderr
    assert [(item["url"], item["status"]) for item in output_of(result)["items"]] == [(server.webhook_url, 200)]
    result = command("webhooks", "test", "delivered", environment={"OMNIVERY_SIGNING_KEY": "wrong"})
    assert (result.returncode, output_of(result)["items"][0]["status"]) == (1, 406)


def test_the_services_sample_keeps_its_signature_where_there_is_no_key(command: Command, server: Emulator) -> None:
    result = command("webhooks", "test", "opened", "--url", server.webhook_url)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_receiver_is_tested_without_any_key_of_an_api(command: Command, server: Emulator) -> None:
    nothing = {"OMNIVERY_API_KEY": "", "OMNIVERY_SENDING_KEY": "", "OMNIVERY_TOKEN": ""}
    closed = f"http://127.0.0.1:{free_port()}/"
    arguments = ("webhooks", "test", "opened", "--url", server.webhook_url, "--url", closed)
    result = command(*arguments, environment={**nothing, "OMNIVERY_SIGNING_KEY": server.signing_key})
    first, second = output_of(result)["items"]
    assert (result.returncode, first["status"], second["status"]) == (1, 200, None)
    assert "refused" in second["error"]
    unsigned = command("webhooks", "test", "opened", "--url", server.webhook_url, environment=nothing)
    assert b"not signed" in unsigned.stderr


def test_what_cannot_be_tested_is_said(command: Command) -> None:
    result = command("webhooks", "test", "complained")
    assert (result.returncode, "--url" in error_of(result)["message"]) == (2, True)
    result = command("webhooks", "test", "complained", "--url", "nowhere")
    assert (result.returncode, error_of(result)["type"]) == (2, "ConfigError")
