"""Write the synchronous twins of the clients and resources, `_sync.py` of each surface, from the asynchronous source.

Usage: python -m tools.generate_sync            writes them
       python -m tools.generate_sync --check    writes nothing, and fails if one is not up to date

It also fails if a rule below no longer matches anything, or if there is a `_sync.py` that it does not write.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = Path(__file__).parent.parent / "omnivery"
SURFACES = {"automations": "AsyncAutomations", "mailgun": "AsyncMailgun"}
WIDTH = 120

TYPES = (
    (r"Iterable\[(\w+)\] \| AsyncIterable\[\1\]", r"Iterable[\1]"),
    (r"httpx\.AsyncClient \| httpx\.Client", "httpx.Client"),
    (r"\bAsync(?=[A-Z]\w+)", ""),
)
"""Replacements in annotations."""

CODE = (
    (r"\bawait ", ""),
    (r"\basync with\b", "with"),
    (r"\basync for\b", "for"),
    (r"\baclose\(\)", "close()"),
)
"""Replacements in the code that docstrings quote. Their sentences are written so that they hold for both clients."""

ASYNC_ONLY, SYNC_ONLY = "Async only: ", "Sync only: "
"""What begins a part of a docstring that holds for one client: a paragraph, or lines of an equal indent. The twin omits
the first kind, and has the second without these words."""

RUNS = {
    "SendRun": "omnivery.mail.bulk",
    "BulkRun": "omnivery.automations.run",
    "EventWriter": "omnivery.automations.writer.sync",
}
"""Return types of the bulk methods that are not coroutines. They are written by hand."""

FRAMES = "omnivery.readers.frames"
"""The module that turns data frames into events. To iterate over a data frame would give its columns."""

HEAD = '''\
"""{title}

Written by `python -m tools.generate_sync` from the asynchronous source: do not edit it.
"""

from __future__ import annotations

'''

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@frozen
class Source:
    """One module of a surface."""

    name: str
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> Source:
        """Parse a module."""
        return cls(f"omnivery.{path.parent.name}.{path.stem}", ast.parse(path.read_text("utf-8")))

    def classes(self) -> Iterator[ast.ClassDef]:
        """Yield the classes that have a twin."""
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).startswith(("AsyncResource[", "AsyncBaseClient[")) for base in node.bases
            ):
                yield node

    def home(self, name: str) -> tuple[str, str] | None:
        """Return the module of a name, empty for an imported module, and what to import; None for a builtin."""
        return self._homes.get(name)

    @cached_property
    def _homes(self) -> dict[str, tuple[str, str]]:
        """The homes of all names, found once: each is asked for by many annotations."""
        homes: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                homes.setdefault(alias.asname or alias.name, (getattr(node, "module", ""), ast.unparse(alias)))
        for name in (target for node in self.tree.body for target in _defined(node)):
            homes.setdefault(name, (self.name, name))
        return homes


@define
class Rules:
    """The replacements, and how often each matched."""

    used: Counter[str] = field(init=False, factory=Counter[str])

    def types(self, text: str) -> str:
        """Translate an annotation."""
        return self._apply(TYPES, text)

    def docstring(self, text: str) -> str:
        """Translate a docstring."""
        return self._apply(CODE, one_world(text))

    def unused(self) -> list[str]:
        """Return the patterns that matched nothing, because the source has changed."""
        return [pattern for pattern, _ in (*TYPES, *CODE) if not self.used[pattern]]

    def _apply(self, rules: Sequence[tuple[str, str]], text: str) -> str:
        for pattern, replacement in rules:
            text, count = re.subn(pattern, replacement, text)
            self.used[pattern] += count
        return text


def one_world(text: str) -> str:
    """Remove the parts of a docstring that hold only for the asynchronous client, and the marks of the others."""
    kept: list[str] = []
    omitted: int | None = None
    for line in text.split("\n"):
        words = line.lstrip()
        indent = len(line) - len(words)
        if indent != omitted or not words or words.startswith(SYNC_ONLY):
            omitted = None
        if words.startswith(ASYNC_ONLY):
            omitted = indent
        elif omitted is None and words.startswith(SYNC_ONLY):
            words = words.removeprefix(SYNC_ONLY)
            kept.append(" " * indent + words[0].upper() + words[1:])
        elif omitted is None and (words or kept[-1:] != [""]):
            kept.append(line.rstrip() if kept else line)
    # The closing quotes stand on a line of their own.
    return "\n".join(kept) if len(kept) == 1 else "\n".join(kept).rstrip() + text[len(text.rstrip()) :]


@define
class Twin:
    """The generated module of one surface."""

    surface: str
    client: str
    rules: Rules
    _imports: dict[str, set[str]] = field(init=False, factory=dict[str, "set[str]"])
    _runtime: dict[str, set[str]] = field(init=False, factory=dict[str, "set[str]"])
    _classes: set[str] = field(init=False, factory=set[str])

    def text(self) -> str:
        """Return the source of the module."""
        sources = [Source.read(path) for path in sorted((PACKAGE / self.surface).glob("*.py")) if path.stem != "_sync"]
        found = [(source, node) for source in sources for node in source.classes()]
        # The client comes first, because readers look for it.
        found.sort(key=lambda pair: (pair[1].name != self.client, pair[1].name))
        self._classes = {_plain(node.name) for _, node in found}
        bodies = [self._class(source, node) for source, node in found]
        title = f"The synchronous client of the surface `{self.surface}`, and its resources."
        return HEAD.format(title=title) + self._import_lines() + "\n\n\n" + "\n\n\n".join(bodies) + "\n"

    def _class(self, source: Source, node: ast.ClassDef) -> str:
        is_client = node.name == self.client
        base = "BaseClient" if is_client else "Resource"
        self._needs("omnivery.sync.base", base)
        argument = node.name if is_client else f'"{self.client}"'
        if is_client:
            self._needs(source.name, node.name)
        else:
            self._imports.setdefault(f"omnivery.{self.surface}.client", set()).add(self.client)
        lines = [f"class {_plain(node.name)}({base}[{argument}]):", self._docstring(node, 4)]
        methods = [self._method(source, node, item) for item in _public_methods(node)]
        return "\n".join(lines) + "\n\n" + "\n\n".join(methods)

    def _method(self, source: Source, owner: ast.ClassDef, node: Function) -> str:
        signature = self._signature(source, node)
        decorators = "".join(f"    @{ast.unparse(one)}\n" for one in node.decorator_list)
        if "lazy_property" in decorators:
            self._needs("omnivery._lazy", "lazy_property")
        body = self._body(owner, node)
        documented = self._docstring(node, 8) + "\n" if ast.get_docstring(node) else ""
        return f"{decorators}{signature}\n{documented}{textwrap.indent(body, ' ' * 8)}"

    def _body(self, owner: ast.ClassDef, node: Function) -> str:
        if owner.name == self.client:
            return self._client_body(node)
        resource = re.sub(r"(?<!^)(?=[A-Z])", "_", _plain(owner.name)).lower()
        names = [argument.arg for argument in (*node.args.args[1:], *node.args.kwonlyargs)]
        if "concurrency" in names:
            return self._bulk_body(resource, node)
        call = _call(f"self._single.{resource}.{node.name}", node, self._refused(node))
        if isinstance(node, ast.AsyncFunctionDef):
            self._needs("omnivery.transport.runtime", "drive")
            return f"return {_wrapped('drive', call)}"
        if _text(node.returns).startswith("AsyncPages["):
            self._needs("omnivery.sync.base", "Pages")
            return f"return {_wrapped('Pages', call)}"
        return f"return {call}"

    def _refused(self, node: Function) -> dict[str, str]:
        """Return the arguments that may be asynchronous iterables, which a call without an event loop cannot read."""
        names = [one.arg for one in node.args.args[1:] if "AsyncIterable[" in _text(one.annotation)]
        if names:
            self._needs("omnivery.sync.base", "plain")
        return {name: f'plain({name}, argument="{name}")' for name in names}

    def _client_body(self, node: Function) -> str:
        if node.name == "__init__":
            return f"client = {_call(self.client, node)}\nself._open(client)"
        if node.name == "with_options":
            return f"return {_wrapped('self._changed', _call('self._async.with_options', node))}"
        return f"return {_plain(_text(node.returns))}(self)"

    def _bulk_body(self, resource: str, node: Function) -> str:
        """Bulk work runs on the background loop; the caller's iterables and functions run in the caller's thread."""
        self._needs("omnivery.sync.bridge", "LoopBridge")
        result = self.rules.types(_text(node.returns))
        given: dict[str, str] = {}
        before: list[str] = []
        for argument in (*node.args.args[1:], *node.args.kwonlyargs):
            wrapped = self._handed_over(argument, node)
            if wrapped:
                given[argument.arg] = f"given_{argument.arg}"
                before.append(f"given_{argument.arg} = {wrapped}")
        call = _call(f"self._async.{resource}.{node.name}", node, given)
        late = [f"    from {FRAMES} import as_events"] if any("as_events(" in line for line in before) else []
        if isinstance(node, ast.AsyncFunctionDef):
            lines = [
                f"bridge: LoopBridge[{result}] = LoopBridge()",
                *before,
                f"return {_wrapped('bridge.run', 'lambda: ' + call)}",
            ]
        else:
            self._needs("omnivery.sync.base", "on_loop")
            self._imports.setdefault(RUNS[result], set()).add(result)
            late.insert(0, f"    from {RUNS[result]} import {result}")
            lines = ["bridge: LoopBridge[None] = LoopBridge()", *before]
            lines += [f"run = {_wrapped('on_loop', 'lambda: ' + call)}", f"return {result}(bridge, run)"]
        if not late:
            return "\n".join(lines)
        self._needs("omnivery._fork", "delay_fork")
        return "\n".join(["with delay_fork():", *late, *lines])

    def _handed_over(self, argument: ast.arg, node: Function) -> str | None:
        kind = _text(argument.annotation)
        name = argument.arg
        if "AsyncIterable[" in kind:
            items = f"as_events({name})" if "ArrowStream" in kind else name
            return f'bridge.source({items}, argument="{name}"{_unattended(node)})'
        if kind.startswith("Callable["):
            return f"bridge.callback({name})"
        if kind.startswith("Iterable["):
            self._needs("omnivery.sync.base", "whole")
            return f"whole({name})"
        if kind.startswith("Mapping["):
            self._needs("omnivery.sync.base", "copied")
            return f"copied({name})"
        return None

    def _signature(self, source: Source, node: Function) -> str:
        arguments = ["self"]
        plain = node.args.args[1:]
        defaults = [None] * (len(plain) - len(node.args.defaults)) + list(node.args.defaults)
        arguments += [self._argument(source, *pair) for pair in zip(plain, defaults, strict=True)]
        if node.args.kwonlyargs:
            arguments.append("*")
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            arguments += [self._argument(source, *pair) for pair in pairs]
        result = self._annotation(source, node.returns)
        line = f"    def {node.name}({', '.join(arguments)}) -> {result}:"
        if len(line) <= WIDTH:
            return line
        inner = ", ".join(arguments)
        if len(inner) + 8 <= WIDTH:
            return f"    def {node.name}(\n        {inner}\n    ) -> {result}:"
        return f"    def {node.name}(\n" + "".join(f"        {one},\n" for one in arguments) + f"    ) -> {result}:"

    def _argument(self, source: Source, argument: ast.arg, default: ast.expr | None) -> str:
        text = f"{argument.arg}: {self._annotation(source, argument.annotation)}"
        return text if default is None else f"{text} = {_literal(source, default)}"

    def _annotation(self, source: Source, node: ast.expr | None) -> str:
        text = self.rules.types(_text(node).replace("'", '"'))
        for name in sorted(set(re.findall(r"(?<![\w.\"])[A-Za-z_]\w*", text))):
            self._import(source, name)
        return text

    def _import(self, source: Source, name: str) -> None:
        if name in self._classes:
            return
        if name in {"Pages", *RUNS}:  # imported by the methods that return it
            return
        home = source.home(name)
        if home is not None:
            self._imports.setdefault(home[0], set()).add(home[1])

    def _docstring(self, node: Function | ast.ClassDef, indent: int) -> str:
        text = self.rules.docstring(ast.get_docstring(node, clean=False) or "")
        return f'{" " * indent}"""{text}"""'

    def _needs(self, module: str, name: str) -> None:
        self._runtime.setdefault(module, set()).add(name)

    def _import_lines(self) -> str:
        for module, names in self._runtime.items():
            self._imports.get(module, set()).difference_update(names)
        parts = [_imports(self._runtime), "from typing import TYPE_CHECKING"]
        lines = sorted("\n".join(parts).split("\n"), key=_order)
        checked = textwrap.indent(_imports(self._imports), "    ")
        return "\n".join(_spaced(lines)) + "\n\nif TYPE_CHECKING:\n" + checked


def main(arguments: Sequence[str]) -> int:
    """Write or check the modules, and return the exit status."""
    if unknown := set(arguments) - {"--check"}:
        print(f"unknown: {' '.join(sorted(unknown))}. Usage: python -m tools.generate_sync [--check]", file=sys.stderr)
        return 2
    rules = Rules()
    texts = {
        PACKAGE / surface / "_sync.py": Twin(surface, client, rules).text() for surface, client in SURFACES.items()
    }
    faults = [f"a rule no longer matches anything: {pattern}" for pattern in rules.unused()]
    faults += [f"{path} is not generated from anything" for path in PACKAGE.rglob("_sync.py") if path not in texts]
    if "--check" in arguments:
        faults += [f"{path} is not up to date" for path, text in texts.items() if not _is(path, text)]
    else:
        for path, text in texts.items():
            path.write_text(text, "utf-8")
    for fault in faults:
        print(f"{fault}: run `python -m tools.generate_sync`, or fix its rules", file=sys.stderr)
    return 1 if faults else 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _text(annotation: ast.expr | None) -> str:
    if annotation is None:
        raise SystemExit("a public method has an argument or a result without a type")
    return ast.unparse(annotation)


def _plain(name: str) -> str:
    return name.removeprefix("Async")


def _public_methods(owner: ast.ClassDef) -> Iterator[Function]:
    for node in owner.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
            node.name == "__init__" or not node.name.startswith("_")
        ):
            yield node


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _literal(source: Source, default: ast.expr) -> str:
    """Return a default value as a literal: to import a constant would load its module with the client."""
    if isinstance(default, ast.Name):
        return repr(getattr(import_module(source.name), default.id))
    return ast.unparse(default).replace("'", '"')


def _call(function: str, node: Function, given: dict[str, str] | None = None) -> str:
    """Return a call that passes every argument on."""
    given = given or {}
    parts = [given.get(one.arg, one.arg) for one in node.args.args[1:]]
    parts += [f"{one.arg}={given.get(one.arg, one.arg)}" for one in node.args.kwonlyargs]
    line = f"{function}({', '.join(parts)})"
    if len(line) + 30 <= WIDTH:
        return line
    return f"{function}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _unattended(node: Function) -> str:
    """Return the argument that says whether the caller's thread only waits: not in a block, nor with a callback."""
    if not isinstance(node, ast.AsyncFunctionDef):
        return ""
    callbacks = [one.arg for one in node.args.kwonlyargs if _text(one.annotation).startswith("Callable[")]
    return f", unattended={' and '.join(f'{name} is None' for name in callbacks) or 'True'}"


def _wrapped(function: str, call: str) -> str:
    if "\n" not in call:
        return f"{function}({call})"
    return f"{function}(\n{textwrap.indent(call, '    ')}\n)"


def _imports(wanted: dict[str, set[str]]) -> str:
    lines = []
    for module in sorted(wanted):
        names = sorted(wanted[module])
        if module == "":
            lines += [f"import {name}" for name in names]
        elif names:
            lines.append(f"from {module} import {', '.join(names)}")
    return "\n".join(lines)


def _order(line: str) -> tuple[bool, str]:
    return ("omnivery" in line, line)


def _spaced(lines: list[str]) -> list[str]:
    """Insert a blank line between imports of the standard library and our own."""
    theirs = [line for line in lines if "omnivery" not in line]
    return [*theirs, "", *(line for line in lines if "omnivery" in line)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
