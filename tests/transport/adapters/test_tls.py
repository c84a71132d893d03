"""TLS settings from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnivery.errors import ConfigError
from omnivery.transport.adapters.tls import default_context, tls, untrusting_context


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    default_context.cache_clear()
    yield
    default_context.cache_clear()


@pytest.mark.parametrize("content", [None, "this is no certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """conda sets the variable, and leaves it behind when the file is gone."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(ConfigError, match=r"SSL_CERT_FILE.*ca\.pem"):
        tls(secure=True, proxy=None, verify=True)


def test_one_context_serves_the_process() -> None:
    """Creating one takes 20 ms."""
    assert tls(secure=True, proxy=None, verify=True) is tls(secure=False, proxy="http://127.0.0.1:1", verify=True)
    assert tls(secure=False, proxy=None, verify=True) is untrusting_context()
