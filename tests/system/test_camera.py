"""Cameras are unplugged, hang and fail: poses resume within three seconds without intervention."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from system.outage import scaled_limit
from system.rig import CAMERA_LIMIT_S, WAIT_S, Rig
from system.screen import wait_for

AWAY_S = 3.0
HANG_S = 8.0
"""Seconds of hanging; longer than the timeout after which the program gives the camera up."""
TIMEOUT = ("--set", "camera.timeout=2")

VIVID = (
    "modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 no_error_inj=0 vid_cap_nr=0"
)


def test_pulled_and_plugged_in_again(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin(*TIMEOUT)
    rig.wait_for_video()
    before = rig.recoveries()
    rig.camera.unplug()
    rig.wait_for_no_camera()
    gone = rig.now()
    rig.wait_for_message()
    path, since = rig.plug_camera()
    took = rig.recovery(since)
    rig.wait_for_video()
    assert path == "/dev/video0"
    assert not [line for line in rig.program.lines() if gone < line["time"] < since]
    assert rig.recoveries() > before, "the log does not say that it is back"
    assert took <= scaled_limit(CAMERA_LIMIT_S)


def test_comes_back_under_another_number_and_with_another_size(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin(*TIMEOUT)
    # While a process holds /dev/video0 open, the kernel does not reuse its number.
    rig.run("systemd-run --quiet --unit=holder sh -c 'exec 9</dev/video0; sleep infinity'")
    rig.run("until ls -l /proc/[0-9]*/fd/9 2>/dev/null | grep -q video0; do sleep 0.1; done")
    rig.camera.unplug()
    rig.wait_for_no_camera()
    time.sleep(AWAY_S)
    path, since = rig.plug_camera((320, 240))
    try:
        took = rig.recovery(since)
        size = rig.next_line(since)["frame"]
        rig.chapter.text("now", f"{path}, {size}")
    finally:
        rig.run("systemctl stop holder")
    assert path != "/dev/video0"
    assert size == [320, 240]
    assert took <= scaled_limit(CAMERA_LIMIT_S)


def test_hangs_and_goes_on(rig: Rig) -> None:
    rig.plug_camera()
    rig.begin(*TIMEOUT)
    rig.wait_for_video()
    before = rig.recoveries()
    rig.camera.freeze()
    began = time.monotonic()
    rig.wait_for_message()
    time.sleep(max(0.0, HANG_S - (time.monotonic() - began)))
    since = rig.now()
    rig.camera.freeze(frozen=False)
    took = rig.recovery(since)
    rig.wait_for_video()
    assert rig.recoveries() > before, "the log does not say that it is back"
    assert took <= scaled_limit(CAMERA_LIMIT_S)


@pytest.fixture
def vivid(rig: Rig) -> Iterator[Rig]:
    """Load vivid, the kernel's test camera: it fails on request, but shows only a test picture."""
    rig.run(VIVID)
    rig.wait_for_camera()
    rig.begin(*TIMEOUT, "--set", "camera.width=320", "--set", "camera.height=180")
    yield rig
    rig.program.end()
    rig.run("until rmmod vivid; do sleep 0.2; done")


def control(rig: Rig, name: str, value: int = 1) -> None:
    """Set a control of the test camera."""
    rig.run(f"v4l2-ctl --device /dev/video0 --set-ctrl {name}={value}")


def longest_gap(rig: Rig, since: float, until: float) -> float:
    """Return the longest time without a processed frame between two times, in seconds."""
    inside: list[float] = [
        line["time"] for line in rig.program.lines() if since < line["time"] < until
    ]
    return max(b - a for a, b in pairwise([since, *inside, until]))


def comes_back(rig: Rig, before: int, since: float) -> None:
    """Wait until the program logs that the camera is back, and assert that it was not away long."""
    wait_for(lambda: rig.recoveries() > before, "the word that it is back", WAIT_S)
    rig.next_line(rig.now())
    gap = longest_gap(rig, since, rig.program.lines()[-1]["time"])
    limit = scaled_limit(CAMERA_LIMIT_S)
    rig.chapter.measure("without poses", gap, limit=f"at most {limit:.1f} s")
    assert gap <= limit


def test_drops_most_of_its_buffers(vivid: Rig) -> None:
    before = vivid.recoveries()
    control(vivid, "percentage_of_dropped_buffers", 60)
    since = vivid.now()
    time.sleep(8)
    gap = longest_gap(vivid, since, since + 8)
    vivid.chapter.measure("longest gap", gap)
    assert gap < 2
    assert vivid.recoveries() == before, "it took a slow camera for a lost one"


def test_stops_and_refuses_to_stream(vivid: Rig) -> None:
    before = vivid.recoveries()
    control(vivid, "percentage_of_dropped_buffers", 100)
    control(vivid, "inject_vidioc_streamon_error")
    time.sleep(HANG_S)
    since = vivid.now()
    control(vivid, "percentage_of_dropped_buffers", 0)
    comes_back(vivid, before, since)


def test_breaks_off(vivid: Rig) -> None:
    before, since = vivid.recoveries(), vivid.now()
    control(vivid, "inject_fatal_streaming_error")
    comes_back(vivid, before, since)


def test_driver_disconnects(vivid: Rig) -> None:
    before, since = vivid.recoveries(), vivid.now()
    # Every operation on the device node fails until the node has been closed.
    control(vivid, "disconnect")
    comes_back(vivid, before, since)
