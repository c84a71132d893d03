"""README, docs pages and notebooks use what is public, as a reader would."""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted((ROOT / "examples").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*.ipynb"))]
FACADES = ("mailgun", "automations", "webhooks", "readers", "errors", "emulator", "testing")
PUBLIC = {"omnivery", *(f"omnivery.{name}" for name in FACADES)}
"""What users may import from; `omnivery.integrations` hands out its names module by module."""


def examples(page: Path) -> Iterator[str]:
    """The Python blocks of a page, the cells of a notebook, or a program."""
    text = page.read_text("utf-8")
    if page.suffix == ".py":
        yield text
    elif page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        yield from ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    else:
        yield from re.findall(r"^```python[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def imported(source: str) -> Iterator[tuple[str, str]]:
    """Each of our modules that some code imports, with the name that it takes from it."""
    # A notebook's commands for IPython are not Python.
    plain = re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)
    for node in ast.walk(ast.parse(plain)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and is_ours(node.module):
            yield from ((node.module, alias.name) for alias in node.names)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "omnivery"


def is_public(module: str, name: str) -> bool:
    if module.startswith("omnivery.integrations."):
        return not module.rpartition(".")[2].startswith("_")
    if f"{module}.{name}" in PUBLIC:
        return True
    return module in PUBLIC and (not name or name in public_names(module))


def public_names(module: str) -> set[str]:
    found = import_module(module)
    return {name for name in getattr(found, "__all__", dir(found)) if not name.startswith("_") or name == "__version__"}


def inner_imports(page: Path) -> set[tuple[str, str]]:
    pairs = {pair for source in examples(page) for pair in imported(source)}
    return {(page.name, f"{module}.{name}".rstrip(".")) for module, name in pairs if not is_public(module, name)}


def test_the_reader_of_examples_sees_what_is_inner() -> None:
    """A check that finds nothing proves nothing, unless it can find something."""
    source = "%pip x\nimport omnivery.bulk, os\nfrom omnivery import Message, nothing\nfrom omnivery.mail import y"
    assert set(imported(source)) == {
        ("omnivery.bulk", ""),
        ("omnivery", "Message"),
        ("omnivery", "nothing"),
        ("omnivery.mail", "y"),
    }
    assert [pair for pair in sorted(imported(source)) if is_public(*pair)] == [("omnivery", "Message")]
    assert is_public("omnivery", "readers")
    assert is_public("omnivery.readers", "")
    assert not is_public("omnivery.integrations._spark", "submit")
    assert len([page for page in PAGES if list(examples(page))]) > 10
    assert len(PROGRAMS) > 5


def names_missing(source: str) -> set[str]:
    """The names that some code uses and binds nowhere."""
    bound, used = set(dir(builtins)), set[str]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name.partition(".")[0])
            case _:
                pass
    return used - bound


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_an_example_imports_what_it_uses(page: Path) -> None:
    """Readers copy one example of a page, and not those before it."""
    imports: set[str] = set()
    for source in examples(page):
        assert not names_missing(source) & imports
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        imports |= {(alias.asname or alias.name).partition(".")[0] for node in nodes for alias in node.names}


@pytest.mark.parametrize("page", [*PAGES, *PROGRAMS], ids=lambda page: page.name)
def test_examples_import_public_names_only(page: Path) -> None:
    """What an example imports, users depend on."""
    assert inner_imports(page) == set()
