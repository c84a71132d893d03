"""Every check of the project, each in an environment of its own.

`nox -s tests` is what a contributor runs; `nox` runs all that need nothing but Python. Sessions use uv where it is
installed and virtualenv otherwise, and the one Python that runs nox, but for `tests-3.12` and its like.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.error_on_missing_interpreters = False  # a Python that is not there is skipped
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "minimal", "lint", "types", "demo", "examples"]

PROJECT = nox.project.load_toml("pyproject.toml")
SIDE_BY_SIDE = ("-n", str((os.cpu_count() or 1) * 3 // 2), "--dist", "loadfile")
"""Three processes on two cores: tests of timeouts and signals spend much of their time waiting. The tests of a file
stay together, because the examples of a page share their names."""

SEED = "--hypothesis-seed=0"
"""The same examples of hypothesis in each run of a session: what another one would find is found while working, where
`pytest` draws new ones each time, or with `nox -s tests -- --hypothesis-seed=random`."""

BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Compiled once for all processes, those that tests start included, also where the environment says otherwise."""

CORE = ("tests/test_codec.py", "tests/test_errors.py", "tests/transport", "tests/bulk", "tests/events", "tests/sync")
"""What may differ between Pythons: the standard library's json, event loops, threads, forks and exits."""


def group(name: str) -> list[str]:
    """The packages of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite, README and docs pages included, on asyncio and trio."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"))
    session.run("pytest", SEED, *SIDE_BY_SIDE, *session.posargs, env=BYTECODE)


def tests_elsewhere(session: nox.Session) -> None:
    """What may differ between Pythons, on another one than the one that runs nox."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"))
    session.run("pytest", "-q", SEED, *SIDE_BY_SIDE, *(session.posargs or CORE), env=BYTECODE)


for version in ("3.12", "3.13", "3.14"):
    nox.session(name=f"tests-{version}", python=version, default=False)(tests_elsewhere)


@nox.session
def minimal(session: nox.Session) -> None:
    """The same suite without the extra `fast`: everything works on httpx and the standard library's json."""
    session.install("-c", "constraints.txt", ".[emulator]", *group("tests"))
    session.run("pytest", "-q", SEED, *SIDE_BY_SIDE, *session.posargs, env=BYTECODE)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and common mistakes, and that what is generated is up to date."""
    session.install("-c", "constraints.txt", *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.install("-c", "constraints.txt", ".[emulator]")
    session.run("python", "-m", "tools.reference", "--check")
    session.run("python", "-m", "tools.example_responses", "--check")
    session.run("python", "-m", "tools.generate_sync", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package, its tests, benchmarks and examples; and that every public name has one."""
    session.install("-c", "constraints.txt", ".[emulator,fast,jupyter]", *group("types"))
    session.run("mypy")
    session.run("pyright")
    examples = session.create_tmp()
    session.run("python", "tools/examples.py", examples)
    session.run("mypy", "--strict", examples)
    session.run("pyright", examples)
    session.run("pyright", "--verifytypes", "omnivery", "--ignoreexternal")


@nox.session
def demo(session: nox.Session) -> None:
    """The main job as a newcomer runs it."""
    session.install("-c", "constraints.txt", ".[emulator]")
    session.run("omnivery", "demo")


@nox.session
def examples(session: nox.Session) -> None:
    """The examples with the installed package, as a project of yours would have them, in several processes."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("examples"))
    # Nothing of this repository's own settings, nor its sources, may be found.
    copy = Path(session.create_tmp()) / "examples"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree("examples", copy)
    session.chdir(copy)
    session.run("pytest", "-q", "-n", "2", *session.posargs)
    session.chdir("django_newsletter")
    session.run("python", "manage.py", "test")


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Others' clients against the emulator, in Python and Node (with npm); others' HTTP libraries below our clients."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"), *group("interop"))
    folder = session.create_tmp()
    if shutil.which("npm"):
        nodemailer = ("nodemailer@10.6.1", "nodemailer-mailgun-transport@2.1.5")
        clients = ("mailgun.js@14.0.1", "mailgun-js@0.22.0", "form-data@4.0.6", *nodemailer)
        session.run("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *clients, external=True)
    session.run("pytest", "tests/interop", *session.posargs, env={"OMNIVERY_NODE_MODULES": folder})


@nox.session(default=False)
def web(session: nox.Session) -> None:
    """The emulator's page in the distribution's Chromium: Debian's `chromium`, or where OMNIVERY_CHROMIUM says."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"), *group("web"))
    session.run("pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/web", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Whatever can be sent to each route of the emulator: `nox -s fuzz -- 7` sends what another seed makes."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"), *group("fuzz"))
    seed = session.posargs[0] if session.posargs else "14"
    options = ("-q", "-n", "2", "--dist", "worksteal", f"--hypothesis-seed={seed}")
    session.run("pytest", *options, "tests/fuzz", env={"OMNIVERY_FUZZ_SEED": seed})


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """What a sceptic would do to a run: `kill -9`, cut connections, full disks, storms. Prints what it counted."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"))
    session.run("pytest", "tests/faults", *session.posargs)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Change the code that decides without I/O in hundreds of ways, and list what no test notices."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"), *group("mutants"))
    # The mutated package is a copy beside the tests: the installed one must not be found in its place.
    session.run("uv" if session.venv_backend == "uv" else "pip", "uninstall", "-q", "-y", "omnivery")
    session.run("mutmut", "run", *session.posargs)
    session.run("python", "-m", "tools.mutants")


@nox.session(default=False)
def simulate(session: nox.Session) -> None:
    """The bulk engine in virtual time: `nox -s simulate -- 10000` tries so many seeds, 300 when left out."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("tests"))
    seeds = session.posargs[0] if session.posargs else "300"
    session.run("pytest", "-q", "-n", "auto", "tests/simulation", env={"OMNIVERY_SEEDS": seeds})


@nox.session(default=False)
def notebooks(session: nox.Session) -> None:
    """The notebooks of the docs, from top to bottom; and what works on data frames, with polars, pandas and pyarrow."""
    session.install("-c", "constraints.txt", ".[emulator,jupyter,fast]", *group("tests"), *group("notebooks"))
    readers = (
        *("arrow", "arrow_schema", "column_batches", "column_values", "columns", "law"),
        *("parquet", "parquet_pages", "parquet_schema", "read", "time_text"),
    )
    frames = (
        *("cli/test_parquet_file", "display/test_table", "display/test_frames", "webhooks/test_store"),
        *(f"readers/test_{name}" for name in readers),
    )
    pages = ("docs/readers.md", "docs/notebooks.md")
    session.run("pytest", "tests/notebooks", *(f"tests/{name}.py" for name in frames), *pages, *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The benchmarks beside floors and peers: figures for people. Writes the tables and the chart of the docs, too."""
    session.install("-c", "constraints.txt", ".[emulator,fast]", *group("bench"))
    results = f"{session.create_tmp()}/results.json"
    session.run("python", "-m", "benchmarks", "--json", results, *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "benchmarks.page", results)
