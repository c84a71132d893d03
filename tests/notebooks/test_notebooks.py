"""The notebooks of the docs: committed without outputs, and each runs from top to bottom on this machine alone.

Not part of the ordinary suite: `nox -s notebooks` installs Jupyter's parts and runs `pytest tests/notebooks`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
PATHS = sorted(DOCS.glob("*.ipynb"))
SECONDS = 60
"""Time that a cell may take; the whole of either notebook takes some five."""

GUARD = """
import sys
import warnings

warnings.filterwarnings("error", module="omnivery")


def _stay_here(event, args):
    host = None
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and not isinstance(args[1], str):  # which is a Unix socket's
        host = args[1][0]
    if host not in (None, "127.0.0.1", "::1", "localhost"):
        raise ConnectionError(f"a notebook must not leave this machine for {host}")


sys.addaudithook(_stay_here)
"""
"""Runs before the first cell: what the notebooks promise, enforced."""

SHOWS = {
    "explore-bot-verdicts": (
        2,
        ["StoreStatistics(verdicts=6000, bots=", "<strong>Submitted events</strong>", "Verdict(is_bot=True"],
    ),
    "look-around-an-email-domain": (
        1,
        ["'active'", "<strong>Bounce</strong>", "278 of 300 readers are left", "<strong>Stats by day</strong>"],
    ),
}
"""How many pictures a notebook shows, and what else."""

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_every_notebook_is_known_here() -> None:
    assert [path.stem for path in PATHS] == sorted(SHOWS)


@each_notebook
def test_it_is_committed_without_outputs(path: Path) -> None:
    """They hold addresses, change with every run, and nobody reads them in a diff."""
    notebook = json.loads(path.read_text("utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"] or cell["metadata"]] == []


@each_notebook
def test_it_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    """In a kernel of its own, as a reader's."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # it is not typed
    notebook.cells.insert(0, nbformat.v4.new_code_cell(GUARD))  # type: ignore[no-untyped-call]  # nor is this
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    outputs: list[dict[str, Any]] = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [complaint for complaint in map(complaint_in, outputs) if complaint] == []
    pictures, texts = SHOWS[path.stem]
    shown = [output["data"] for output in outputs if "data" in output]
    assert sum("image/png" in data for data in shown) == pictures
    for text in texts:
        assert any(text in f"{data.get('text/html')}{data.get('text/plain')}" for data in shown), text
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def complaint_in(output: dict[str, Any]) -> str:
    """What an output says on standard error, but for progress, and for what matplotlib says once on a new machine."""
    text = str(output["text"]).strip() if output.get("name") == "stderr" else ""
    return "" if text.startswith("Submitting:") or "Matplotlib is building the font cache" in text else text
