"""Full disks, clock jumps, power cuts: files stay intact, and the service recovers by itself."""

from __future__ import annotations

import re
import time

import pytest
from system.filling import fill, free
from system.outage import scaled_limit
from system.recordings import end_of, play
from system.screen import wait_for
from system.service import CONFIG, STATE, Condition, Settings
from system.service_rig import RATE, ServiceRig

RECORD: Settings = {"record": {"path": "camera-{time}.mp4"}}
BEGUN_S = 60.0
ENOUGH = 200_000
"""Bytes that a recording must grow by to count as running."""
LOST_S = 1.0
"""Longest part of a recording that a power cut may lose, in seconds."""
NUMBERS = re.compile(r"([\d.]+) fps camera, ([\d.]+) fps poses, (\d+) ms exposure")
YEAR_S = 365 * 86400


def recording_grows(rig: ServiceRig) -> None:
    """Wait until the recordings have grown by `ENOUGH` bytes."""
    begun = sum(rig.service.recordings().values())
    wait_for(
        lambda: sum(rig.service.recordings().values()) > begun + ENOUGH,
        "a recording that grows",
        BEGUN_S,
    )


def full_condition(rig: ServiceRig) -> Condition:
    """Wait until the status has all numbers: with a slow screen the latency is missing at first."""
    seen: list[Condition] = []

    def full() -> bool:
        seen.append(rig.service.condition())
        return NUMBERS.search(seen[-1].line) is not None

    wait_for(full, "a status with all numbers", 30)
    return seen[-1]


def numbers_of(line: str) -> tuple[float, float, float]:
    """Return camera and pose rates (1/s), and the latency from exposure to screen (ms)."""
    found = NUMBERS.search(line)
    assert found is not None, line
    return float(found[1]), float(found[2]), float(found[3])


@pytest.mark.parametrize("min_free", [0.5, 0.0], ids=["stops in time", "no room at all"])
def test_the_disk_is_full_and_has_room_again(service_rig: ServiceRig, min_free: float) -> None:
    rig = service_rig
    rig.service.forget_recordings()
    rig.restore({**RECORD, "storage": {"min_free": min_free}})
    recording_grows(rig)
    before = rig.service.condition()
    since = rig.service.cursor()

    def full() -> None:
        fill(rig.machine.agent)
        assert rig.machine.agent.run(f"dd if=/dev/zero of={STATE}/x bs=64k count=1").status != 0
        rig.run(f"rm -f {STATE}/x")
        time.sleep(15)  # longer than the watchdog timeout
        rig.chapter.text("status meanwhile", rig.service.condition().line)
        rig.chapter.text("room meanwhile", rig.run("df -h /"))

    outage = rig.survives(full, lambda: free(rig.machine.agent), what="disk full for 15 s")
    assert outage.picture == 0, "a full disk is nothing to a picture"
    began = time.monotonic()
    recording_grows(rig)
    rig.chapter.measure("until the recording goes on", time.monotonic() - began)
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)
    rig.chapter.text("said", rig.service.log(since=since))
    assert rig.service.log("--priority=warning", since=since), "nobody is told of a full disk"
    rig.service.stop()
    for name in rig.service.recordings():
        recording = play(rig.machine.agent.pull(name))
        rig.chapter.measure(f"plays: {name}", recording.seconds)
    verified = rig.machine.agent.run("journalctl --verify", timeout=120)
    rig.chapter.text("journalctl --verify", verified.stderr.decode())
    assert verified.status == 0, verified.stderr.decode()


def test_the_clock_jumps_by_a_year(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()
    for years in (1, -1):

        def jump(seconds: int = years * YEAR_S) -> None:
            rig.run(f"date --set=@$(( $(date +%s) + {seconds} ))")

        outage = rig.survives(jump, what=f"{years:+d} year", least=20)
        # 20 s is longer than the watchdog timeout, and the status dates from after the jump.
        now = rig.now()
        lines = rig.service.lines()[-20:]
        for line in lines:
            assert abs(line["time"] - now) < 30, "not the time of now"
            assert 0 <= line["latency_ms"]["total"] < 10_000
        sequence = [line["seq"] for line in lines]
        assert sequence == sorted(sequence)
        told = full_condition(rig)
        rig.chapter.text(f"status after {years:+d} year", told.line)
        camera, poses, latency = numbers_of(told.line)
        assert RATE * 0.5 < camera < RATE * 1.5
        assert 0.5 < poses < RATE * 1.5
        assert latency < 5000
        assert (told.pid, told.restarts) == (before.pid, before.restarts)
        assert outage.poses == 0
        assert outage.picture == 0


def test_power_cut_in_the_middle_of_a_recording(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.service.forget_recordings()
    rig.restore(RECORD)
    recording_grows(rig)
    rig.run("sync")
    written = rig.machine.agent.pull(CONFIG)
    time.sleep(10)  # so that the end of the recording was written after the `sync`
    names = rig.service.recordings()
    newest = list(names)[-1]
    lag_ms = numbers_of(full_condition(rig).line)[2]
    last = rig.service.lines()[-1]["time"] - rig.now() + time.monotonic()
    rig.machine.cut_power()
    cut = time.monotonic()
    sent = rig.camera.log
    rig.camera.unplug()

    rig.chapter.measure("boot after the power cut", rig.machine.boot())
    rig.plug_camera(rate=RATE)
    rig.wait_until_healthy()
    assert rig.service.condition().restarts == 0
    assert rig.machine.agent.pull(CONFIG) == written
    recording = play(rig.machine.agent.pull(newest))
    end = end_of(recording, rig.reference, sent, RATE)
    rig.chapter.picture("the last picture before the cut", recording.pictures[-1])
    rig.chapter.measure("length of the recording", recording.seconds)
    rig.chapter.measure("exposure to screen", lag_ms / 1000)
    lost = cut - end
    # The last picture lasts until the next one would have been taken.
    allowed = scaled_limit(LOST_S) + lag_ms / 1000 + 1 / RATE
    rig.chapter.measure(
        "lost of it", lost, limit=f"at most {LOST_S:g} s, and what was on its way: {allowed:.2f} s"
    )
    # Parsing all lines, including those from before the cut, checks that each is valid.
    lines = rig.service.lines()
    rig.chapter.measure("lines of poses", len(lines), "")
    rig.chapter.measure("lines of poses lost", cut - last)
    assert newest in rig.service.recordings(), "the old recording was overwritten"
    assert lost <= allowed
    assert rig.run("findmnt --noheadings --output OPTIONS /").startswith("rw")
