"""Twenty minutes of faults, one after another, none of which may need an intervention.

    script/test --campaign

prints a seed; POSE_EDGE_CAMPAIGN_SEED=... repeats the same sequence. The campaign lasts for at
least POSE_EDGE_CAMPAIGN_FAULTS faults (50) and POSE_EDGE_CAMPAIGN_SECONDS seconds (1200).
"""

from __future__ import annotations

import os
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from system.agent import AgentError
from system.faults import Fault, Faults
from system.outage import Outage, scaled_limit
from system.program import Resources
from system.recordings import play
from system.screen import wait_for
from system.service import Settings
from system.service_rig import BACK_S, ServiceRig

pytestmark = pytest.mark.campaign

SETTINGS: Final[Settings] = {
    "record": {"path": "camera-{time}.mp4"},
    "testing": {"deadlock": "source"},
}
PAUSE_S: Final = (2.0, 6.0)
MAX_INTERVENTIONS: Final = 3
"""Number of times that the machine is restored to see the next faults; the campaign has already
failed by then."""
MORE_DESCRIPTORS: Final = 4
MORE_THREADS: Final = 3
"""Allowed growth of file descriptors and threads; opening a camera needs some of each."""
MORE_MEMORY: Final = 1.4
"""Allowed growth factor of memory; Mesa leaks a little whenever the screen comes back."""
HEADS: Final = (
    *("", "fault", "at, s", "lasted, s", "without picture, s", "without poses, s"),
    *("back after, s", "restarts", "memory, MB", "descriptors", "threads", "host load", ""),
)


@dataclass(frozen=True)
class Entry:
    """The result of one fault."""

    name: str
    at: float
    lasted: float
    outage: Outage | None
    restarts: int
    held: Resources | None
    complaint: str
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Load average of the host; above three, on two processors, everything is slower."""

    def row(self, number: int) -> Sequence[str]:
        """Return the entry as a table row of the report."""
        times = (
            ("?",) * 3
            if self.outage is None
            else tuple(
                f"{seconds:.1f}"
                for seconds in (self.outage.picture, self.outage.poses, self.outage.back)
            )
        )
        held = self.held
        numbers = (
            ("?",) * 3
            if held is None
            else (f"{held.memory_kb / 1024:.0f}", str(held.descriptors), str(held.threads))
        )
        head = (str(number), self.name, f"{self.at:.0f}", f"{self.lasted:.1f}")
        return (*head, *times, str(self.restarts), *numbers, f"{self.load:.1f}", self.complaint)


def complaints(entries: Sequence[Entry]) -> str:
    """Return all complaints, one line each."""
    return "\n".join(
        f"{number}: {entry.name}: {entry.complaint}"
        for number, entry in enumerate(entries, 1)
        if entry.complaint
    )


def judge(rig: ServiceRig, entries: Sequence[Entry], first: Resources) -> None:
    """Assert that every fault was survived, all recordings play, and resources have not grown."""
    outages = [entry.outage for entry in entries if entry.outage is not None]
    backs = [outage.back for outage in outages]
    rig.chapter.measure("faults", len(entries), "")
    rig.chapter.measure("survived without intervention", len(outages), "", limit=f"{len(entries)}")
    rig.chapter.measure("back after a fault, median", statistics.median(backs))
    rig.chapter.measure("back after a fault, at most", max(backs), limit=f"{BACK_S:g} s")
    said = rig.service.log()
    rig.chapter.text("whole log", said)
    last = rig.service.resources()
    rig.service.stop()
    seconds, broken = 0.0, []
    for name in rig.service.recordings():
        try:
            seconds += play(rig.machine.agent.pull(name)).seconds
        except (OSError, AssertionError) as error:  # PyAV's errors are OSErrors too
            broken.append(f"{name}: {error}")
    rig.chapter.measure("recordings", len(rig.service.recordings()), "")
    rig.chapter.measure("recorded", seconds)
    rig.chapter.text("recordings that cannot be played", "\n".join(broken))
    rig.chapter.measure("lines of poses, all whole", len(rig.service.lines()), "")

    assert complaints(entries) == ""
    assert broken == []
    assert "Traceback" not in said
    assert last.descriptors <= first.descriptors + MORE_DESCRIPTORS
    assert last.threads <= first.threads + MORE_THREADS
    assert last.memory_kb <= first.memory_kb * MORE_MEMORY


def sequence(faults: Faults, rng: random.Random) -> Iterator[Fault]:
    """Yield faults endlessly: all of them in random order, then again."""
    while True:
        names = [fault.name for fault in faults.all()]
        rng.shuffle(names)
        for name in names:
            yield next(fault for fault in faults.all() if fault.name == name)


def run_fault(rig: ServiceRig, faults: Faults, fault: Fault, began: float) -> Entry:
    """Inject one fault, and return its result."""
    lasts = faults.rng.uniform(*fault.lasts)
    at = time.monotonic() - began
    before = rig.service.condition().restarts
    outage, complaint = None, ""
    start = end = time.monotonic()

    def begin() -> None:
        nonlocal start, end
        start = time.monotonic()
        fault.begin()
        time.sleep(lasts)
        end = time.monotonic()

    try:
        if fault.prepare is not None:
            fault.prepare()
        outage = rig.outage(begin, fault.over)
        limit = scaled_limit(BACK_S)
        if outage.back > limit:
            complaint = f"took longer than {limit:.3g} s"
    except (AssertionError, AgentError) as error:
        complaint = f"needed an intervention: {error}"
    condition = rig.service.condition()
    held = rig.service.resources() if condition.pid else None
    restarts = condition.restarts - before
    return Entry(fault.name, at, end - start, outage, restarts, held, complaint)


@pytest.fixture
def tell(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], None]:
    """Return a function that prints a line at once, to show progress during the campaign."""
    terminal: pytest.TerminalReporter = request.config.pluginmanager.getplugin("terminalreporter")

    def tell(line: str) -> None:
        with capsys.disabled():
            terminal.ensure_newline()
            terminal.write_line(line)
            terminal.flush()

    return tell


def test_campaign(
    service_rig: ServiceRig, tell: Callable[[str], None], write_report: Callable[[], None]
) -> None:
    rig = service_rig
    seed = os.environ.get("POSE_EDGE_CAMPAIGN_SEED") or secrets.token_hex(4)
    seconds = float(os.environ.get("POSE_EDGE_CAMPAIGN_SECONDS", "1200"))
    count = int(os.environ.get("POSE_EDGE_CAMPAIGN_FAULTS", "50"))
    tell(f"campaign of {count} faults, {seconds:.0f} s: POSE_EDGE_CAMPAIGN_SEED={seed}")
    rig.chapter.text("to repeat it", f"POSE_EDGE_CAMPAIGN_SEED={seed}")
    rows = rig.chapter.table(HEADS)
    tell("  ".join(HEADS))

    rng = random.Random(seed)
    faults = Faults(rig, rng, SETTINGS)
    rig.restore(SETTINGS)
    wait_for(lambda: any(rig.service.recordings().values()), "a recording", 60)  # its threads count
    first = rig.service.resources()
    rows.append(Entry("before", 0.0, 0.0, None, 0, first, "").row(0))
    entries: list[Entry] = []
    interventions, began = 0, time.monotonic()
    for fault in sequence(faults, rng):
        if len(entries) >= count and time.monotonic() - began >= seconds:
            break
        entry = run_fault(rig, faults, fault, began)
        entries.append(entry)
        rows.append(entry.row(len(entries)))
        tell("  ".join(entry.row(len(entries))))
        write_report()
        if entry.outage is None:
            rig.chapter.picture(f"{len(entries)}: {entry.name}", rig.screen.dump())
            rig.chapter.text(f"{len(entries)}: threads", rig.service.threads())
            interventions += 1
            assert interventions <= MAX_INTERVENTIONS, complaints(entries)
            faults.undo()
        time.sleep(rng.uniform(*PAUSE_S))
    judge(rig, entries, first)
