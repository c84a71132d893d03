"""Disks that are small, and disks that may not be written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen


@frozen
class Disk:
    """A file system of its own, in memory."""

    path: Path

    def remount(self, options: str) -> None:
        """Give it another size, or take away the right to write."""
        _run("mount", "-o", f"remount,{options}", str(self.path))


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Disk]:
    """Mount a small disk; the test is skipped where that is not allowed."""
    folder.mkdir()
    if shutil.which("mount") is None or os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    try:
        _run("mount", "-t", "tmpfs", "-o", options, "none", str(folder))
    except subprocess.CalledProcessError:
        pytest.skip("to mount a small disk is not allowed here")
    try:
        yield Disk(folder)
    finally:
        # Lazily: a test that failed may have left a file open on it.
        _run("umount", "-l", str(folder))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take away the right to write in a folder, from everybody but root."""
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("no mode keeps root from writing")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o500)
    try:
        yield
    finally:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
