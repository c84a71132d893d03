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


ROOMS = (
    "_version", "_fork", "_lazy", "errors", "_logging", "_json", "codec", "_sqlite", "_startable", "_server",
    "display", "transport", "bulk", "sync", "events", "mail", "readers", "webhooks",
    "automations", "mailgun", "integrations", "emulator", "testing", "cli",
)  # fmt: skip
"""The rooms from the ground up. A room imports from those before it, never from those after it."""


def room_of(module: str) -> str:
    """The first name below the package."""
    return module.split(".")[1]


@cache
def internal_imports() -> dict[str, frozenset[str]]:
    """What each module imports of ours, for type checkers too. Façades, which only hand names on, are left out."""
    return {
        module: frozenset(_internal(ast.parse(source)))
        for module, source in modules().items()
        if module not in FACADES and module not in {"omnivery", "omnivery.__main__"}
    }


def _internal(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and within(str(node.module), "omnivery"):
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in modules() else str(node.module)


def test_every_module_is_in_a_room() -> None:
    assert {room_of(module) for module in internal_imports()} <= set(ROOMS)


def test_no_import_goes_up() -> None:
    """What a lower room needs of a higher one, it says itself: an abstract class, a function handed in."""
    up = {
        (module, target)
        for module, targets in internal_imports().items()
        for target in targets
        if target == "omnivery" or ROOMS.index(room_of(module)) < ROOMS.index(room_of(target))
    }
    assert up == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: targets - set(FACADES) for module, targets in internal_imports().items()}
    circles: list[list[str]] = []

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            circles.append(path[path.index(module) :])
        elif module not in done:
            for target in sorted(graph.get(module, ())):
                visit(target, [*path, module])
            done.add(module)

    done: set[str] = set()
    for module in sorted(graph):
        visit(module, [])
    assert circles == []


def test_the_two_apis_do_not_know_each_other() -> None:
    for one, other in (("mailgun", "automations"), ("automations", "mailgun")):
        for api in ("omnivery", "omnivery.emulator"):
            found = {
                module: target
                for module, targets in internal_imports().items()
                for target in targets
                if within(module, f"{api}.{one}") and within(target, f"{api}.{other}")
            }
            assert found == {}


def test_other_rooms_private_modules_stay_theirs() -> None:
    """`readers._csv` is the readers' own business."""
    assert {
        (module, target)
        for module, targets in internal_imports().items()
        for target in targets
        if "._" in target.removeprefix("omnivery._") and room_of(module) != room_of(target)
    } == set()


def test_only_tools_import_the_emulator() -> None:
    """It needs an extra, and a service must never run against it by accident."""
    tools = ("omnivery.emulator", "omnivery.cli", "omnivery.testing")
    assert breaches(("omnivery",), ("omnivery.emulator",), except_in=tools) == []


def test_only_adapters_import_an_http_library() -> None:
    assert breaches(("omnivery.transport.adapters",), HTTP_LIBRARIES)
    assert breaches(("omnivery",), HTTP_LIBRARIES, except_in=("omnivery.transport.adapters",)) == []


# Façades

FACADES = [name for name, source in modules().items() if "lazy_exports(__name__" in source]


@pytest.fixture(params=FACADES)
def facade(request: pytest.FixtureRequest) -> ModuleType:
    """Each package that hands out names of modules below it."""
    return import_module(request.param)


def exported(module: ModuleType) -> list[str]:
    return dir(module)


def test_the_facades_are_found() -> None:
    assert {"omnivery", "omnivery.automations", "omnivery.webhooks"} <= set(FACADES)


def test_the_names_are_sorted_and_each_is_listed_once(facade: ModuleType) -> None:
    """Type checkers and `lazy_exports` read the same block."""
    [block] = [node for node in ast.parse(modules()[facade.__name__]).body if isinstance(node, ast.If)]
    listed = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(listed) == len(set(listed))
    assert dir(facade) == sorted(listed) == facade.__all__


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
    assert ours == {"omnivery.automations", "omnivery.automations.client", "omnivery.automations.config"}


def test_errors_and_events_are_free() -> None:
    """A worker that only unpickles an error, or a script that only builds events, needs no HTTP library."""
    loaded = loaded_by("from omnivery import BotEvent, errors; BotEvent(ip='192.0.2.1'); errors.ConfigError('x')")
    assert loaded & {"httpx", "cattrs", "anyio"} == set()


def test_star_import_gives_every_name() -> None:
    loaded_by("from omnivery import *; AsyncAutomations, BotEvent, errors, webhooks.verify")


FILES_OF_A_GET = 17
"""The most of our files that a reader may have to open to follow a GET; httpx has 11, anthropic 18."""

GET = """
import asyncio, sys
import respx
from omnivery import AsyncMailgun

files = set()

def note(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_flags & CO_NEWLOCALS and f"{os.sep}omnivery{os.sep}" in code.co_filename:
        files.add(code.co_filename.rpartition(f"{os.sep}omnivery{os.sep}")[2])

async def main():
    async with AsyncMailgun("key", domain="example.com", base_url="https://api.example.org/v3") as client:
        await client.bounces.get("ann@example.com")
        sys.setprofile(note)
        await client.bounces.get("ann@example.com")
        sys.setprofile(None)

with respx.mock:
    respx.get("https://api.example.org/v3/example.com/bounces/ann%40example.com").respond(json={"address": "a@b.c"})
    asyncio.run(main())
print(*sorted(files), sep="\\n")
"""


def test_a_get_runs_through_few_files() -> None:
    """Imports and class bodies aside: a file counts if one of its functions is called for the request."""
    script = f"import os\nfrom inspect import CO_NEWLOCALS\n{GET}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    files = set(done.stdout.split()) - {"_json.py"}  # where orjson is not installed: a library's place
    assert {str(Path("mailgun/bounces.py")), str(Path("transport/pipeline.py"))} <= files
    assert len(files) <= FILES_OF_A_GET, files
