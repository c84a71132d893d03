"""TLS settings from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnivery.errors import ConfigError
from omnivery.transport.adapters.tls import default_context, tls, untrusting_context


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
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


@pytest.mark.parametrize("what", ["missing", "file", "empty"])
def test_a_folder_of_authorities_that_has_none_is_named(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL takes it, and every certificate is then refused, without a word about the folder."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'missing'}{os.pathsep}{tmp_path / what}")
    with pytest.raises(ConfigError, match=f"SSL_CERT_DIR: no certificates .*{what}"):
        tls(secure=True, proxy=None, verify=True)


def test_one_of_several_folders_of_authorities_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "authority.pem").touch()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'missing'}{os.pathsep}{tmp_path}")
    tls(secure=True, proxy=None, verify=True)


def test_a_log_of_keys_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the certificates."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    with pytest.raises(ConfigError, match=r"^SSLKEYLOGFILE: .*keys' cannot be written: No such file or directory"):
        tls(secure=True, proxy=None, verify=True)


def test_one_context_serves_the_process() -> None:
    """Creating one takes 20 ms."""
    assert tls(secure=True, proxy=None, verify=True) is tls(secure=False, proxy="http://127.0.0.1:1", verify=True)
    assert tls(secure=False, proxy=None, verify=True) is untrusting_context()
