"""Running a coroutine without an event loop: one that never suspends is done in a single step."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in the calling thread.

    The pipeline awaits nothing but the adapter and the runtime, and those of the synchronous world never suspend.

    Raises:
        RuntimeError: it suspended, and there is nobody who could ever resume it: a fault of ours. Says where.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    where = ", in which ".join(_places(coroutine))
    coroutine.close()
    raise RuntimeError(
        f"a synchronous call waited for an event loop, which it has not: {where} awaits {type(awaited).__name__}. "
        "Please report this as a bug of omnivery"
    )


def _places(coroutine: Any) -> Iterator[str]:
    """Where each await stands, down to the one that suspended: coroutines stand one inside the other.

    All of them, because the innermost is often that of an event loop's own `sleep`, which says nothing.
    """
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        coroutine = coroutine.cr_await
