"""`mailgun.js` over axios and fetch, `mailgun-js` and nodemailer: each runs a script of its ordinary calls under Node.

The packages are looked for in the folder that `OMNIVERY_NODE_MODULES` names; the nox session installs them there. By
hand: `npm install --prefix FOLDER mailgun.js mailgun-js form-data nodemailer nodemailer-mailgun-transport`.

Without that folder, or what belongs in it, these tests are skipped; a folder named under CI must hold the packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from omnivery.emulator import Emulator
from tests.interop.other_clients import hold_to_the_page, versions

SCRIPTS = Path(__file__).parent / "node"


def installed(package: str) -> tuple[str, Path]:
    """Node, and the folder that has a package. Where they are missing the test is skipped, or fails under CI."""
    node, folder = shutil.which("node"), os.environ.get("OMNIVERY_NODE_MODULES")
    modules = Path(folder or "") / "node_modules"
    if node and folder and (modules / package).exists():
        return node, modules
    missing = f"node and the package {package} are not here"
    # Who named a folder meant to run this: a green build in which nothing ran would say otherwise.
    if folder and os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.mark.parametrize(
    ("ci", "folder", "outcome"),
    [("true", True, pytest.fail), ("", True, pytest.skip), ("true", False, pytest.skip)],
)
def test_missing_packages_are_an_error_under_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, folder: bool, outcome: Any
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("OMNIVERY_NODE_MODULES", str(tmp_path) if folder else "")
    with pytest.raises(outcome.Exception):
        installed("mailgun.js")


def run(script: str, package: str, emu: Emulator, tmp_path: Path, **variables: str) -> dict[str, Any]:
    """Run a script, and return what it saw."""
    node, modules = installed(package)
    # Modules are looked for beside the script, so script and packages have to meet.
    folder = tmp_path / f"{script} {emu.mailgun_url.split(':')[2].partition('/')[0]}"
    folder.mkdir()
    shutil.copy(SCRIPTS / script, folder)
    (folder / "node_modules").symlink_to(modules.resolve())
    settings = {
        "BASE": emu.automations_url,
        "KEY": emu.api_key,
        "SENDING_KEY": emu.sending_key,
        "DOMAIN": emu.domain,
        "NODE_NO_WARNINGS": "1",
    }
    done = subprocess.run(
        [node, str(folder / script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **settings, **variables},
    )
    assert done.returncode == 0, done.stderr + "".join(f"\n{seen}" for seen in emu.requests[-3:])
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize("variables", [{}, {"FETCH": "1"}], ids=["axios", "fetch"])
def test_mailgun_js(emulators: dict[str, Emulator], tmp_path: Path, variables: dict[str, str]) -> None:
    seen = {name: run("mailgun_js.mjs", "mailgun.js", emu, tmp_path, **variables) for name, emu in emulators.items()}
    for emu in emulators.values():
        first, second = emu.messages
        assert (first.subject, first.values("o:tag"), first.test_mode) == ("Grüße", ["a", "b"], True)
        assert first.to == ("ann@example.org", "bob@example.org")
        assert [(file.name, file.content) for file in first.attachments] == [("übersicht.txt", b"\x00\xff\n")]
        assert second.mime is not None
        assert b"Subject: MIME" in second.mime
    hold_to_the_page("mailgun.js", **seen)


def test_mailgun_js_of_old(emulators: dict[str, Emulator], tmp_path: Path) -> None:
    seen = {name: run("mailgun_legacy.cjs", "mailgun-js", emu, tmp_path) for name, emu in emulators.items()}
    for emu in emulators.values():
        with_file, batch, mime = emu.messages
        assert (with_file.subject, with_file.values("o:tag")) == ("Grüße", ["a", "b"])
        assert [(file.name, file.content) for file in with_file.attachments] == [("übersicht.txt", b"\x00\xff\n")]
        assert batch.to == ("ann@example.org", "bob@example.org")
        assert batch.value("recipient-variables") == '{"ann@example.org":{"n":1}}'
        assert mime.mime is not None
    hold_to_the_page("mailgun-js", **seen)


def test_nodemailer(emulators: dict[str, Emulator], tmp_path: Path) -> None:
    for emu in emulators.values():
        run("nodemailer.cjs", "nodemailer-mailgun-transport", emu, tmp_path)
        (message,) = emu.messages
        assert (message.subject, message.text, message.html) == ("Grüße", "Hello", "<p>Hello</p>")
        assert message.recipients == ("ann@example.org", "bob@example.org", "cid@example.org")
        assert (message.options("o:tag"), message.value("v:order")) == (["a", "b"], "7")
        assert message.value("h:Reply-To") == "desk@example.org"
        assert [(file.name, file.content) for file in message.attachments] == [("übersicht.txt", b"\x00\xff\n")]
        assert [(file.name, file.media_type) for file in message.inline] == [("logo.png", "image/png")]


@pytest.mark.parametrize("package", ["mailgun.js", "mailgun-js", "nodemailer", "nodemailer-mailgun-transport"])
def test_the_page_names_the_version_that_runs(package: str) -> None:
    _, modules = installed(package)
    assert versions()[package] == json.loads((modules / package / "package.json").read_text("utf-8"))["version"]
