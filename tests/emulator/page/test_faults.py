"""Faults: those in force, in words, with what switches each off."""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator
from omnivery.emulator.fault import Fault
from omnivery.emulator.page.faults import meaning


def test_faults_in_force_are_shown() -> None:
    with Emulator(faults="429=5%,delay=20ms") as emu:
        emu.fail_next("messages", status=503, retry_after=3, times=2)
        page = httpx.get(f"{emu.page_url}_/page/faults", trust_env=False).text
    assert "5% of requests get 429 Too Many Requests" in page
    assert 'name="faults" value="delay=20ms"' in page, "what is left when the first is switched off"
    assert 'name="faults" value="429=5%,delay=20ms,dup=1%"' in page, "what an example makes when it is switched on"
    assert 'aria-label="429=5%" checked' in page
    assert 'aria-label="dup=1%">' in page
    assert "gets 503, with Retry-After: 3" in page
    assert '<td class="mono">messages</td><td class="right">2</td>' in page
    assert 'data-count="faults">3</span>' in page


def test_a_fault_in_words() -> None:
    assert meaning(Fault(delay=0.5)) == "waits 0.5 s"
    assert meaning(Fault(after="received")) == "is not carried out, and its connection is cut"
    assert meaning(Fault(after="accepted", status=502)) == "is carried out, and gets 502"
    assert meaning(Fault(status=200, body="<h1>")) == "gets 200, with a body of its own"
