"""Names that load their module at first use (PEP 562), so that importing a façade costs next to nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_exports(package: str, homes: Mapping[str, str | None]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__` from a table of public name to defining module.

    Args:
        package: the façade's own name, for the message of a missing attribute.
        homes: public name to the module that defines it; None where the name is itself a submodule.
    """

    def getattribute(name: str) -> Any:
        try:
            home = homes[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        if home is None:
            return import_module(f"{package}.{name}")
        return getattr(import_module(home), name)

    def directory() -> list[str]:
        return sorted(homes)

    return getattribute, directory
