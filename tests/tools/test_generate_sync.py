"""The generator of the synchronous clients: its check notices every difference, and its output is reproducible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sync import ROOT
from tools import generate_sync


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package, which the generator reads and writes."""
    copy = tmp_path / "omnivery"
    shutil.copytree(ROOT / "omnivery", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(generate_sync, "PACKAGE", copy)
    return copy


def test_the_checked_in_modules_are_up_to_date(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_sync.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def drift(package: Path) -> None:
    path = package / "mailgun" / "_sync.py"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")


def new_argument(package: Path) -> None:
    path = package / "automations" / "account.py"
    text = path.read_text("utf-8").replace("async def test(self, *,", "async def test(self, *, deep: int = 1,")
    path.write_text(text, "utf-8")


def new_resource(package: Path) -> None:
    method = '    async def look(self) -> int:\n        """Look."""\n'
    text = f'class AsyncNew(AsyncResource["AsyncMailgun"]):\n    """New."""\n\n{method}'
    (package / "mailgun" / "new.py").write_text(text, "utf-8")


def missing(package: Path) -> None:
    (package / "automations" / "_sync.py").unlink()


def unlisted(package: Path) -> None:
    (package / "webhooks" / "_sync.py").write_text("", "utf-8")


FAULTS: dict[Callable[[Path], None], str] = {
    drift: "_sync.py is not up to date",
    new_argument: "_sync.py is not up to date",
    new_resource: "_sync.py is not up to date",
    missing: "_sync.py is not up to date",
    unlisted: "_sync.py is not generated from anything",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_check_fails_and_writes_nothing(
    fault: Callable[[Path], None], package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(package)
    before = {path: path.read_bytes() for path in package.rglob("*.py")}
    assert generate_sync.main(["--check"]) == 1
    assert FAULTS[fault] in capsys.readouterr().err
    assert {path: path.read_bytes() for path in package.rglob("*.py")} == before


@pytest.mark.parametrize("rules", ["TYPES", "CODE"])
def test_a_rule_that_matches_nothing_is_an_error(
    rules: str, package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The source has changed: what the rule should replace may now be in a twin."""
    monkeypatch.setattr(generate_sync, rules, (*getattr(generate_sync, rules), ("no such words", "")))
    assert generate_sync.main(["--check"]) == 1
    assert "no longer matches anything: no such words" in capsys.readouterr().err


def test_writing_fixes_what_the_check_found(package: Path) -> None:
    written = {path: path.read_bytes() for path in package.rglob("_sync.py")}
    drift(package)
    missing(package)
    assert generate_sync.main([]) == 0
    assert {path: path.read_bytes() for path in package.rglob("_sync.py")} == written


def test_a_new_argument_reaches_the_twin(package: Path) -> None:
    new_argument(package)
    assert generate_sync.main([]) == 0
    assert generate_sync.main(["--check"]) == 0
    text = (package / "automations" / "_sync.py").read_text("utf-8")
    assert "def test(self, *, deep: int = 1, options: CallOptions | None = None) -> AuthInfo:" in text
    assert "self._single.account.test(deep=deep, options=options)" in text


def test_a_mistyped_option_writes_nothing(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drift(package)
    before = (package / "mailgun" / "_sync.py").read_bytes()
    assert generate_sync.main(["--chek"]) == 2
    assert "--chek" in capsys.readouterr().err
    assert (package / "mailgun" / "_sync.py").read_bytes() == before


def test_the_output_is_reproducible(tmp_path: Path) -> None:
    """In another working directory, and with another order of sets than that of this process."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
    command = [sys.executable, "-m", "tools.generate_sync", "--check"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_output_is_plain_synchronous_python(package: Path) -> None:
    for surface in ("automations", "mailgun"):
        text = (package / surface / "_sync.py").read_text("utf-8")
        compile(text, "_sync.py", "exec")
        for word in ("await ", "async def", "async with", "__getattr__", "setattr("):
            assert word not in text


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        ("One line.", "One line."),
        ("One.\n\n    Async only: two.\n    Three.\n\n    Four.\n    ", "One.\n\n    Four.\n    "),
        ("One.\n\n    Sync only: two.\n    Three.\n    ", "One.\n\n    Two.\n    Three.\n    "),
        ("One.\n\n    Two.\n\n    Async only: three.\n    ", "One.\n\n    Two.\n    "),
        (
            "Args:\n        a: b\n            Async only: c\n            d\n            Sync only: e.\n        f: g.\n",
            "Args:\n        a: b\n            E.\n        f: g.\n",
        ),
    ],
)
def test_what_holds_for_one_client_stands_in_its_docstring_alone(source: str, twin: str) -> None:
    assert generate_sync.one_world(source) == twin
