"""Names and properties that load their module at first use (PEP 562): importing a façade costs next to nothing.

A façade lists each public name once, in its `if TYPE_CHECKING:` block, as `from module import Name as Name`. Type
checkers read that block as source. `lazy_exports` reads it as bytecode, which is there without the source as well.
"""

from __future__ import annotations

import sys
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

if TYPE_CHECKING:
    lazy_property = cached_property
else:

    class lazy_property(cached_property):  # noqa: N801  # named like its base
        """A `cached_property` whose function imports modules."""

        def __get__(self, instance, owner=None):
            from omnivery._fork import delay_fork

            with delay_fork():
                return super().__get__(instance, owner)


def lazy_exports(package: str, *, extra: str | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a façade's `__getattr__` and `__dir__`. `__all__` is what `__dir__` returns.

    Args:
        package: the façade's own `__name__`.
        extra: the extra that its modules need, to be named where one of its packages is missing.
    """
    homes: dict[str, str] = {}

    def directory() -> list[str]:
        if not homes:
            homes.update(_exports(package))
        return sorted(homes)

    def getattribute(name: str) -> Any:
        if name == "__all__":
            return directory()
        if not homes:
            homes.update(_exports(package))
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # `from omnivery import errors` exports a submodule; every other export is a name in a module.
        home = homes[name]
        from omnivery._fork import delay_fork

        try:
            with delay_fork():
                return import_module(f"{package}.{name}") if home == package else getattr(import_module(home), name)
        except ModuleNotFoundError as error:
            if extra is None or (error.name or "omnivery").partition(".")[0] == "omnivery":
                raise
            words = f"{package} needs {error.name}: pip install 'omnivery[{extra}]'"
            raise ModuleNotFoundError(words, name=error.name) from None

    return getattribute, directory


def _exports(package: str) -> Iterator[tuple[str, str]]:
    """Yield each public name of a façade with the module to import it from."""
    from dis import get_instructions  # loaded by the first use of a name, not by `import omnivery`

    module = ""
    for instruction in get_instructions(_code_of(package)):
        if instruction.opname == "IMPORT_NAME":
            module = instruction.argval
        elif instruction.opname == "IMPORT_FROM" and module.partition(".")[0] == "omnivery" and module != __name__:
            yield instruction.argval, module


def _code_of(package: str) -> Any:
    """Return the code of a package's `__init__`."""
    module = sys.modules[package]
    loader: Any = module.__loader__
    if not hasattr(loader, "get_code"):
        # pytest's own loader, which rewrites the assertions of every distribution that has a plugin.
        from importlib.machinery import SourceFileLoader

        loader = SourceFileLoader(package, str(module.__file__))
    return loader.get_code(package)
