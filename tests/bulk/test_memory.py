"""The memory of the bodies of a run: used again, and not mapped anew for each."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from omnivery.bulk import memory

FAULTS = """
import resource

def faults(least):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for size in range(least, least + 400_000, 4_000):  # each is larger than any before
        b"x" * size
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

# Before the imports: to compile what they need may have taken more memory, which is reused, too.
without = faults(400_000)
import anyio
from tests.support.bots import Server, event, run_of

anyio.run(run_of([event(0)], Server(takes=1)).finish)
print(without, faults(1_000_000))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators reuse memory by rules of their own")
def test_bodies_use_the_same_memory_one_after_the_other() -> None:
    """Else each is mapped anew, with a page fault for every 4 kB of it."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, check=True, text=True, timeout=60)
    without, within = map(int, done.stdout.split())
    assert within < without / 4


def test_a_run_begins_though_less_memory_is_allowed_than_it_would_reuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REUSED", sys.maxsize - 64)
    memory.have_memory_reused.__wrapped__()
