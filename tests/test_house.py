"""The rules of the house: who may import whom, what a façade promises, and what importing costs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import omnivery

ROOT = Path(omnivery.__file__).parent
HTTP_LIBRARIES = ("httpx", "httpcore", "aiohttp", "requests", "urllib3", "http.client", "urllib.request")


def name_of(path: Path) -> str:
    """The dotted name of a module of ours."""
    parts = [ROOT.name, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, str]:
    """The source of each of our modules."""
    return {name_of(path): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}


@cache
def imports(source: str) -> frozenset[str]:
    """Every name that a module imports at run time, at its top or inside a function.

    `from a import b` counts as `a` and as `a.b`, which may be a module. What stands below `if TYPE_CHECKING:` is for
    type checkers, and loads nothing.
    """
    return frozenset(_imports(ast.parse(source)))


def _imports(node: ast.AST) -> Iterator[str]:
    below = ast.iter_child_nodes(node)
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        below = iter(node.orelse)
    for child in below:
        yield from _imports(child)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def breaches(importers: tuple[str, ...], forbidden: tuple[str, ...], *, except_in: tuple[str, ...] = ()) -> list[str]:
    """Which of our modules import what they must not."""
    return [
        f"{module} imports {name}"
        for module, source in modules().items()
        if any(within(module, importer) for importer in importers)
        and not any(within(module, allowed) for allowed in except_in)
        for name in sorted(imports(source))
        if any(within(name, package) for package in forbidden)
    ]


def test_the_reader_of_imports_sees_what_counts() -> None:
    """A check that finds nothing proves nothing, unless it can find something."""
    source = """
import a.b, c as d
from e import f
if TYPE_CHECKING:
    import unseen
else:
    import g
if typing.TYPE_CHECKING:
    from unseen import too
def work():
    try:
        from h.i import j
    except ImportError:
        import k
"""
    assert imports(source) == {"a.b", "c", "e", "e.f", "g", "h.i", "h.i.j", "k"}
    assert "omnivery.transport.pipeline" in modules()
    assert "omnivery.automations" in modules()
    assert breaches(("omnivery.transport",), ("omnivery.errors",))


def test_transport_knows_neither_api() -> None:
    surfaces = ("mailgun", "automations", "webhooks", "emulator", "cli", "readers", "testing", "integrations")
    assert breaches(("omnivery.transport",), tuple(f"omnivery.{name}" for name in surfaces)) == []


def test_the_foundation_stands_on_nothing() -> None:
    """What everything imports may import nothing of the rest, or there is a circle."""
    base = ("omnivery.errors", "omnivery.codec", "omnivery._json", "omnivery._lazy", "omnivery._version")
    others = tuple(name for name in modules() if name not in {"omnivery", *base})
    assert breaches(base, others) == []


def test_the_two_apis_do_not_know_each_other() -> None:
    assert breaches(("omnivery.mailgun",), ("omnivery.automations",)) == []
    assert breaches(("omnivery.automations",), ("omnivery.mailgun",)) == []


def test_only_tools_import_the_emulator() -> None:
    """It needs an extra, and a service must never run against it by accident."""
    tools = ("omnivery.emulator", "omnivery.cli", "omnivery.testing")
    assert breaches(("omnivery",), ("omnivery.emulator",), except_in=tools) == []


def test_only_adapters_import_an_http_library() -> None:
    adapters = tuple(name for name in modules() if name.endswith("_adapter"))
    assert "omnivery.transport.adapters.httpx_async" in adapters
    assert breaches(("omnivery",), HTTP_LIBRARIES, except_in=adapters) == []


# Façades

FACADES = [name for name, source in modules().items() if "lazy_exports(\n" in source and not name.endswith("_lazy")]


@pytest.fixture(params=FACADES)
def facade(request: pytest.FixtureRequest) -> ModuleType:
    """Each package that hands out names of modules below it."""
    return import_module(request.param)


def names_for_type_checkers(module: ModuleType) -> set[str]:
    """What stands below `if TYPE_CHECKING:`."""
    tree = ast.parse(modules()[module.__name__])
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def exported(module: ModuleType) -> list[str]:
    names: list[str] = module.__all__
    return names


def test_the_facades_are_found() -> None:
    assert {"omnivery", "omnivery.automations", "omnivery.webhooks"} <= set(FACADES)


def test_all_is_sorted_and_the_same_as_the_table_and_as_what_type_checkers_see(facade: ModuleType) -> None:
    """Three lists of the same names: one that is missing in one of them is missing to somebody."""
    assert exported(facade) == sorted(set(exported(facade)))
    lazy = set(exported(facade)) - {"__version__"}  # which is there from the start
    assert lazy == set(facade.__dir__())
    assert lazy == names_for_type_checkers(facade)


def test_every_exported_name_is_there(facade: ModuleType) -> None:
    assert [name for name in exported(facade) if not hasattr(facade, name)] == []


def test_every_exported_name_says_what_it_is(facade: ModuleType) -> None:
    """And so does every public method: help() and editors show nothing else."""
    silent = []
    for name in exported(facade):
        value = getattr(facade, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            silent += [name] if not (value.__doc__ or "").strip() else []
        if inspect.isclass(value):
            silent += [f"{name}.{own}" for own, member in vars(value).items() if _is_silent(own, member)]
    assert silent == []


def _is_silent(name: str, member: object) -> bool:
    is_code = inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)
    return is_code and not name.startswith("_") and not (inspect.getdoc(member) or "").strip()


def test_an_unknown_name_is_an_ordinary_attribute_error(facade: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{facade.__name__}' has no attribute 'nothing'"):
        _ = facade.nothing


def test_types_are_shipped() -> None:
    assert (ROOT / "py.typed").is_file()


# What importing costs


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after some code."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_of_others() -> None:
    """A command line tool that only prints its version should not wait for httpx."""
    loaded = loaded_by("import omnivery; omnivery.__version__; dir(omnivery)")
    assert "omnivery" in loaded
    assert loaded & {"httpx", "attr", "attrs", "cattrs", "anyio", "orjson", "ssl", "asyncio"} == set()


def test_making_a_client_loads_no_more_than_it_needs() -> None:
    loaded = loaded_by('from omnivery import AsyncAutomations; AsyncAutomations("t")')
    assert "httpx" in loaded
    assert "cattrs" not in loaded
    ours = {name for name in loaded if within(name, "omnivery.automations") or within(name, "omnivery.emulator")}
    assert ours == {"omnivery.automations", "omnivery.automations.client"}


def test_errors_and_events_are_free() -> None:
    """A worker that only unpickles an error, or a script that only builds events, needs no HTTP library."""
    loaded = loaded_by("from omnivery import BotEvent, errors; BotEvent(ip='192.0.2.1'); errors.ConfigError('x')")
    assert loaded & {"httpx", "cattrs", "anyio"} == set()


def test_star_import_gives_every_name() -> None:
    loaded_by("from omnivery import *; AsyncAutomations, BotEvent, errors, webhooks.verify")
