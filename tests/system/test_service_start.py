"""From power-on to a picture without intervention, with and without camera and screen."""

from __future__ import annotations

import re
import time

import pytest
from system.machine import NO_SCREEN
from system.outage import scaled_limit
from system.screen import wait_for
from system.service import UNIT
from system.service_rig import BACK_S, RATE, ServiceRig

UNTIL_PICTURE_S = 120.0
"""Time limit from power-on to the picture, in seconds, on an emulated processor."""
EXPOSURE = 3.0
"""Highest exposure level allowed by `systemd-analyze security`; from 0 (safe) to 10."""
STATUS = re.compile(
    r"[\d.]+ fps camera, [\d.]+ fps poses, \d+ ms exposure to screen; cpu; "
    r"display hdmi \(.+\); outputs poses"
)


def prepare(rig: ServiceRig) -> None:
    """Configure the light model, in effect from the next boot of the machine."""
    rig.service.configure()
    rig.run("sync")


def test_power_on_to_picture(service_rig: ServiceRig) -> None:
    rig = service_rig
    prepare(rig)
    rig.machine.cut_power()
    began = time.monotonic()
    booted = rig.machine.boot()
    # The camera can only be plugged in while QEMU runs. The boot completes without it, because a
    # service that waits for its camera counts as ready.
    rig.chapter.measure("boot, without a camera", booted)
    rig.plug_camera(rate=RATE)
    wait_for(rig.screen.shows_video, "the video on the screen", UNTIL_PICTURE_S)
    took = time.monotonic() - began
    rig.chapter.measure("from power-on to the picture", took, limit=f"{UNTIL_PICTURE_S:g} s")
    rig.chapter.picture("after power-on", rig.screen.dump())
    rig.wait_until_healthy()
    wait_for(lambda: rig.skeleton() > 0.8, "a skeleton where it should be", 20)
    rig.chapter.measure("skeleton where it should be", rig.skeleton(), "", limit="above 0.8")
    # The login might also appear late: nothing may be drawn over the picture from now on.
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert rig.screen.similarity() > 0.8, "something is over the picture"
        time.sleep(0.5)
    assert rig.run("systemctl is-active getty@tty1.service || true") == "inactive"
    assert rig.run("pgrep -ax agetty || true").count("tty1") == 0
    assert rig.service.condition().restarts == 0
    assert took <= UNTIL_PICTURE_S


def test_status_says_how_it_goes(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    wait_for(
        lambda: STATUS.fullmatch(rig.service.condition().line) is not None,
        f"a line like {STATUS.pattern}",
        30,
    )
    shown = rig.run(f"systemctl status --no-pager {UNIT}")
    rig.chapter.text("systemctl status in the middle", shown)
    assert re.search(r"Active: active \(running\)", shown)
    (line,) = [line for line in shown.splitlines() if "Status:" in line]
    assert STATUS.search(line), line
    rates = [float(number) for number in re.findall(r"([\d.]+) fps", line)]
    assert RATE * 0.5 < rates[0] < RATE * 1.5
    assert rates[1] > 1


def test_the_unit_is_sound_and_closed(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    verified = rig.run(f"systemd-analyze verify /etc/systemd/system/{UNIT} 2>&1", timeout=120)
    assert verified == ""
    told = rig.run(f"systemd-analyze security --no-pager {UNIT}", timeout=120)
    rig.chapter.text("systemd-analyze security", told)
    (exposure,) = re.findall(r"Overall exposure level.*: ([\d.]+)", told)
    rig.chapter.measure("exposure", float(exposure), "", limit=f"at most {EXPOSURE:g}")
    assert float(exposure) <= EXPOSURE


def test_neither_camera_nor_screen_at_power_on(service_rig: ServiceRig) -> None:
    rig = service_rig
    prepare(rig)
    if rig.camera.plugged:
        rig.camera.unplug()
    rig.machine.cut_power()
    rig.chapter.measure("boot", rig.machine.boot(NO_SCREEN))
    before = rig.service.condition()
    assert before.state == "active (running)", before
    assert "no camera" in before.line or "no picture" in before.line
    time.sleep(20)  # longer than the watchdog timeout
    rig.plug_camera(rate=RATE)
    rig.chapter.measure("until poses", wait_for(rig.poses_are_fresh, "poses", scaled_limit(BACK_S)))
    rig.screen.plug(connected=True)
    took = wait_for(rig.screen.shows_video, "the video on the screen", scaled_limit(BACK_S))
    rig.chapter.measure("until the picture", took, limit=f"at most {BACK_S:g} s")
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, 0)


@pytest.mark.parametrize("first", ["camera", "screen"])
def test_away_for_a_while(service_rig: ServiceRig, first: str) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()

    def away() -> None:
        if first == "camera":
            rig.camera.unplug()
            rig.wait_for_no_camera()
            wait_for(
                lambda: "no picture" in rig.service.condition().line, "the word in the status", 20
            )
        else:
            rig.screen.plug(connected=False)
        time.sleep(15)  # longer than the watchdog timeout
        rig.chapter.text("status meanwhile", rig.service.condition().line)

    def back() -> None:
        if first == "camera":
            rig.plug_camera(rate=RATE)
        else:
            rig.screen.plug(connected=True)

    rig.survives(away, back)
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)
