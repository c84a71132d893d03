"""One round: the same command again and again, killed at random moments, until it comes to its end."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from attrs import define, field, frozen

from omnivery.bulk.journal.reader import JournalReader
from omnivery.emulator import Emulator
from tests.faults.inputs import Input
from tests.faults.wire import Event, Place, Wire
from tests.support.journal import accepted_ids, as_killed, where_events_are

Moment = Literal["request", "byte", "response", "birth", "time"]
PATIENCE = 60
"""Seconds for one process: far more than any took."""
OF_ONE_RUN = {"elapsed", "events_per_second", "this_run"}
COUNTS = ("read", "accepted", "rejected", "undelivered", "batches")


@frozen(kw_only=True)
class KilledRun:
    """What a round comes to."""

    totals: dict[str, Any]
    arrived: Counter[str]
    """Ids of events that the server took."""
    kills: int
    batches: int
    repeats: int
    """Requests that came more than once."""


@define(kw_only=True, eq=False)
class Round:
    """One submission with a journal, killed so many times."""

    seed: int
    folder: Path
    submitted: Input
    kills: int
    sending: Counter[bytes] = field(init=False, factory=Counter[bytes])
    """Bodies that were in state `sending`, once for each kill at which they were."""
    unwritten: Counter[bytes] = field(init=False, factory=Counter[bytes])
    """Bodies of which the journal had nothing, once for each kill at which that was so."""
    looks: list[Path] = field(init=False, factory=list[Path])
    """Journals as killed processes left them."""
    dice: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def run(self) -> KilledRun:
        """Kill until it is enough, and go on to the end."""
        self.folder.mkdir()
        command = (*self.submitted.make(self.folder, self.dice), "--journal", str(self.journal))
        cuts = random.Random(self.seed)
        # One in ten: beyond ten lost responses a run of one worker has spent its retry budget, and may give a batch up.
        loses: tuple[Place | None, ...] = ("request", "response head", *[None] * 18)
        killed = 0
        with Emulator() as emulator, Wire(emulator) as wire:
            if self.submitted.loses:
                wire.cut = lambda _: cuts.choice(loses)
            while killed < self.kills and self._is_killed(command, wire, first=killed == 0):
                killed += 1
                self._look(wire, most=2 * int(command[command.index("--concurrency") + 1]))
            totals = self._finish(command, wire)
            if not self.kills:
                # Once more: nothing is left to do, and the totals stay.
                assert self._finish(command, wire) == totals
        return self._judged(totals, emulator, wire, killed)

    def _finish(self, command: tuple[str, ...], wire: Wire) -> dict[str, Any]:
        environment = {**os.environ, **wire.environment}
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=PATIENCE)
        assert done.returncode == (1 if self.submitted.rejected and "worker" not in str(command) else 0), done.stderr
        totals = json.loads(done.stdout)
        assert totals["stopped_by"] is None
        return {name: value for name, value in totals.items() if name not in OF_ONE_RUN}

    def _is_killed(self, command: tuple[str, ...], wire: Wire, *, first: bool) -> bool:
        """Start the command, and kill it; False if it was through before."""
        with subprocess.Popen(
            command, env={**os.environ, **wire.environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            try:
                self._kill(process, wire, first=first)
                _, told = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
                wire.arm(None)
        wire.drain()
        assert process.returncode in {0, 1, -signal.SIGKILL}, told
        return process.returncode == -signal.SIGKILL

    def _kill(self, process: subprocess.Popen[bytes], wire: Wire, *, first: bool) -> None:
        # The first time it is surely reached: half of what is to come.
        batches = self.submitted.read // 500 // (2 if first else 1)
        moments: list[Moment] = ["request", "byte", "response", "response", "birth"]
        moment = self.dice.choice([*moments, *([] if first else ["time"])])
        delay = self.dice.choice([0.0, 0.0, self.dice.random() * 0.01])
        match moment:
            case "request":
                wire.arm(Event("requests", self.dice.randint(1, batches), process.kill, delay))
            case "byte":
                wire.arm(Event("bytes", self.dice.randint(1, batches * 30_000), process.kill, delay))
            case "response":
                wire.arm(Event("responses", self.dice.randint(1, batches), process.kill, delay))
            case "birth":
                lock = self.journal.with_name("journal-lock")
                while process.poll() is None and not lock.exists():
                    time.sleep(0.0005)
                time.sleep(self.dice.random() * 0.015)
                process.kill()
            case "time":
                time.sleep(self.dice.random() * 0.8)
                process.kill()

    def _look(self, wire: Wire, *, most: int) -> None:
        """The law holds for what a killed process left, too, and nothing in there is untrue."""
        if not self.journal.exists():
            return
        left = as_killed(self.journal, f"left by {len(self.looks)}")
        self.looks.append(left)
        with closing(sqlite3.connect(left)) as db:
            if not db.execute("SELECT * FROM sqlite_master WHERE name = 'target'").fetchall():
                return
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = db.execute("SELECT number, body FROM batch WHERE state = 'sending'").fetchall()
            begun = db.execute("SELECT count(*) FROM target").fetchone() != (0,)
        assert len({number for number, _ in rows}) <= most
        self.sending.update({body for _, body in rows})
        if begun:
            with JournalReader.open(left) as view:
                state = view.state()
            rest = state.pending + state.sending + state.undelivered
            known = where_events_are(left)
            assert state.read == state.accepted + state.rejected + rest == len(known)
            # What it calls accepted, the server has; and the server has little that it does not know.
            ids = {body: {event["event_id"] for event in json.loads(body)["events"]} for body in {*wire.bodies}}
            assert set(accepted_ids(left)) <= set().union(*ids.values())
            unwritten = [body for body, own in ids.items() if not own <= set(known)]
            assert len(unwritten) <= most
            self.unwritten.update(unwritten)

    def _judged(self, totals: dict[str, Any], emulator: Emulator, wire: Wire, killed: int) -> KilledRun:
        arrived = Counter(event["event_id"] for event in emulator.bot_events)
        sent = Counter(wire.bodies)
        accepted = Counter(accepted_ids(self.journal))
        assert totals["read"] == self.submitted.read
        assert totals["rejected"] == self.submitted.rejected
        assert totals["accepted"] == self.submitted.read - self.submitted.rejected
        assert totals["undelivered"] == 0
        # Every accepted event is at the server, each counted once.
        assert set(accepted) == set(arrived)
        assert set(accepted.values()) == {1}
        assert len(accepted) == totals["accepted"]
        for body, times in sent.items():
            # Byte for byte the same, and only where the response was lost: on its way, or with the process.
            allowed = 1 + self.sending[body] + self.unwritten[body] + wire.lost_responses[body]
            assert times <= allowed, (times, allowed, body[:200])
        repeats = sum(sent.values()) - len(sent)
        assert sum(arrived.values()) - len(arrived) <= repeats * 500
        return KilledRun(totals=totals, arrived=arrived, kills=killed, batches=len(sent), repeats=repeats)
