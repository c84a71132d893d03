"""Where progress is shown: in a notebook, on a terminal, or in the log."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from omnivery.display.progress import bar, watching


class Terminal(io.StringIO):
    """A standard error that somebody looks at."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Clock:
    """A clock that moves when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal of fair width. No fixture, for pytest captures each phase of a test anew."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    return shown


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython is loaded, and its shell belongs to a kernel."""
    shell = SimpleNamespace(kernel=object(), config={})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What went to the log."""
    with caplog.at_level(logging.INFO, "omnivery.progress"):
        yield lambda: [record.getMessage() for record in caplog.records if record.name == "omnivery.progress"]


def test_the_log_gets_a_line_now_and_again_and_a_last_one(lines: Callable[[], list[str]]) -> None:
    """A job of an hour must not fill its log, and not look dead either."""
    clock = Clock()
    with bar("Submitting", 12_000, every=10, clock=clock) as advance:
        for count in range(500, 12_001, 500):
            clock.now += 1
            advance(count)
    assert lines() == ["Submitting: 5,000 of 12,000", "Submitting: 10,000 of 12,000", "Submitting: 12,000 of 12,000"]


def test_a_total_may_be_unknown(lines: Callable[[], list[str]]) -> None:
    with bar("Submitting") as advance:
        advance(1_500)
    assert lines() == ["Submitting: 1,500"]


def test_the_last_line_is_not_written_twice(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    with bar("Submitting", every=10, clock=clock) as advance:
        clock.now += 10
        advance(7)
    assert lines() == ["Submitting: 7"]


def test_a_run_that_fails_says_how_far_it_came(lines: Callable[[], list[str]]) -> None:
    def fail() -> None:
        with bar("Submitting", 9) as advance:
            advance(4)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # ours
        fail()
    assert lines() == ["Submitting: 4 of 9"]


def test_a_terminal_gets_a_bar_and_the_log_nothing(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    terminal = on_a_terminal(monkeypatch)
    with bar("[b]Sub", 2_000) as advance:
        advance(500)
        advance(2_000)
    assert "[b]Sub" in terminal.getvalue()  # text is text, and no mark-up
    assert "2,000/2,000" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert lines() == []


def test_a_terminal_that_cannot_draw_gets_no_bar(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell in Emacs, for instance: it got a blank line for each bar."""
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with bar("Sub", 2_000) as advance:
        advance(2_000)
    assert terminal.getvalue() == ""
    assert lines() == ["Sub: 2,000 of 2,000"]


class HalfRead:
    """Items of which nobody knows how many there are, but how many of their bytes were read."""

    size: int | None = 4000

    def __init__(self) -> None:
        self.read = 0

    @property
    def progress(self) -> tuple[int, int | None]:
        return self.read, self.size


def test_a_share_that_is_known_is_shown_in_per_cent(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of which only the size is known."""
    pytest.importorskip("rich")
    terminal, items = on_a_terminal(monkeypatch), HalfRead()
    with watching("Submitting", items, progress=True) as advance:
        items.read = 3000
        advance(1_234)
    assert " 75%" in terminal.getvalue()
    assert "1,234" in terminal.getvalue()
    assert "left" in terminal.getvalue()
    monkeypatch.undo()
    with watching("Submitting", items, progress=True) as advance:
        advance(1_234)
    assert lines() == ["Submitting: 1,234 (75%)"]


def test_a_share_that_is_not_known_is_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    terminal, items = on_a_terminal(monkeypatch), HalfRead()
    items.size = None
    with watching("Submitting", items, progress=True) as advance:
        advance(1_234)
    assert "%" not in terminal.getvalue()


def test_a_notebook_s_bar_knows_the_share(notebook: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    terminal, items = on_a_terminal(monkeypatch), HalfRead()
    with watching("Submitting", items, progress=True) as advance:
        items.read = 1000
        advance(500)
    assert "500/2000" in terminal.getvalue()


def test_a_terminal_without_rich_has_the_log(lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, "rich", None)
    with bar("Submitting", 2) as advance:
        advance(2)
    assert lines() == ["Submitting: 2 of 2"]
    assert terminal.getvalue() == ""


def test_a_notebook_gets_a_bar_of_tqdm(
    notebook: None, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if its kernel was started from a terminal: the notebook is where people look."""
    pytest.importorskip("tqdm")
    terminal = on_a_terminal(monkeypatch)
    with bar("Submitting", 2_000) as advance:
        advance(500)
        advance(2_000)
    assert "Submitting: 100%" in terminal.getvalue()
    assert "2000/2000" in terminal.getvalue()
    assert lines() == []


def test_a_notebook_needs_no_widgets() -> None:
    """Without ipywidgets tqdm warns at its first import, which must not reach users who only asked for progress."""
    pytest.importorskip("tqdm")
    script = """
import sys
from types import SimpleNamespace
shell = SimpleNamespace(kernel=object(), config={"IPKernelApp": {}})
sys.modules["IPython"] = SimpleNamespace(get_ipython=lambda: shell)
sys.modules["ipywidgets"] = None
from omnivery.display.progress import bar
with bar("Submitting", 2) as advance:
    advance(2)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Submitting: 100%" in done.stderr
    assert "Warning" not in done.stderr


def test_a_notebook_without_tqdm_has_the_log(
    notebook: None, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with bar("Submitting", 2) as advance:
        advance(2)
    assert lines() == ["Submitting: 2 of 2"]


def test_a_shell_of_ipython_is_no_notebook(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal it has rich's bar as any other program; here standard error is none."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    with bar("Submitting", 2) as advance:
        advance(2)
    assert lines() == ["Submitting: 2 of 2"]
    assert capsys.readouterr().err == ""


def test_a_process_without_standard_error_has_the_log(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service on Windows."""
    monkeypatch.setattr(sys, "stderr", None)
    with bar("Submitting") as advance:
        advance(2)
    assert lines() == ["Submitting: 2"]


@pytest.mark.parametrize(
    ("items", "line"), [([1, 2, 3], "Sending: 1 of 3"), ((n for n in [1]), "Sending: 1"), ([], "Sending: 1 of 0")]
)
def test_the_total_is_the_length_of_what_has_one(items: object, line: str, lines: Callable[[], list[str]]) -> None:
    with watching("Sending", items, progress=True) as advance:
        advance(1)
    assert lines() == [line]


def test_nothing_is_shown_where_it_is_off(lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_a_terminal(monkeypatch)
    with watching("Sending", [1], progress=False) as advance:
        advance(1)
    assert lines() == []
    assert terminal.getvalue() == ""


def test_nothing_of_others_is_loaded_before_it_is_used() -> None:
    """Every client imports this module."""
    others = "{'rich', 'tqdm', 'IPython', 'attrs', 'logging'}"
    script = f"import sys, omnivery.display.progress; print(*{others} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
