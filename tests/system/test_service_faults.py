"""The service is killed, stopped, deadlocked and reloaded: it recovers without intervention."""

from __future__ import annotations

import pytest
from system.screen import BAR, bright_pixels, wait_for
from system.service import Settings
from system.service_rig import ServiceRig

WORD_S = 30.0
READ_AGAIN = "configuration read again"
NOT_TAKEN = "configuration not taken"


def test_killed(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()
    rig.survives(lambda: rig.service.signal("KILL"))
    after = rig.service.condition()
    assert after.restarts == before.restarts + 1
    assert after.pid != before.pid


def test_stopped(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()
    since = rig.service.cursor()
    rig.survives(lambda: rig.service.signal("STOP"))
    after = rig.service.condition()
    assert after.restarts == before.restarts + 1
    rig.service.wait_for_word("Watchdog timeout", since)


def test_the_inference_thread_hangs_and_is_replaced(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore({"testing": {"deadlock": "inference"}})
    before = rig.service.condition()
    outage = rig.survives(lambda: rig.service.signal("USR2"))
    after = rig.service.condition()
    assert outage.poses > 0, "it did not hang"
    assert (after.pid, after.restarts) == (before.pid, before.restarts), "the program was restarted"


def test_the_capture_thread_hangs_with_the_camera_and_the_program_restarts(
    service_rig: ServiceRig,
) -> None:
    rig = service_rig
    rig.restore({"testing": {"deadlock": "source"}})
    before = rig.service.condition()
    since = rig.service.cursor()
    outage = rig.survives(lambda: rig.service.signal("USR2"))
    assert outage.poses > 0, "it did not hang"
    # Only the end of the process releases the camera that a hanging thread holds.
    assert rig.service.condition().restarts == before.restarts + 1
    rig.service.wait_for_word("a thread that hangs may still have it open", since)


def test_the_main_thread_hangs_and_all_is_started_anew(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore({"testing": {"deadlock": "screen"}})
    before = rig.service.condition()
    since = rig.service.cursor()
    outage = rig.survives(lambda: rig.service.signal("USR2"))
    assert outage.picture > 0, "it did not hang"
    assert rig.service.condition().restarts == before.restarts + 1
    # The journal contains the stack traces of all threads.
    rig.service.wait_for_word("most recent call first", since)


def test_reload_of_what_changes_without_a_gap(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    before, bright = rig.service.condition(), bright_pixels(rig.screen.dump()[:BAR])
    assert bright > 300
    since = rig.service.cursor()

    def change() -> None:
        rig.service.configure({"overlay": {"readout": False}})
        rig.service.reload()

    outage = rig.survives(change)
    said = rig.service.wait_for_word(READ_AGAIN, since, WORD_S)
    rig.chapter.text("said", said)
    assert "overlay" in said
    wait_for(lambda: bright_pixels(rig.screen.dump()[:BAR]) < bright / 2, "the read-out gone", 20)
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)
    assert after.state == "active (running)"
    assert outage.poses == 0
    assert outage.picture == 0


def test_reload_of_what_needs_the_camera_anew(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()
    since = rig.service.cursor()

    def change() -> None:
        rig.service.configure({"camera": {"rotation": 180}})
        rig.service.reload()

    change()
    said = rig.service.wait_for_word(READ_AGAIN, since, WORD_S)
    rig.chapter.text("said", said)
    assert "camera" in said
    wait_for(lambda: rig.screen.similarity() < 0.6, "the picture upside down", 30)
    rig.chapter.picture("turned", rig.screen.dump())

    def change_back() -> None:
        rig.service.configure()
        rig.service.reload()

    rig.survives(change_back)
    after = rig.service.condition()
    assert (after.pid, after.restarts) == (before.pid, before.restarts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("camera:\n  wait: true\noverlay:\n  readout: perhaps\n", "config.yaml:4:"),
        ("camera:\n  wait: true\n  fsp: 30\n", "config.yaml:3:"),
        ("camera: [\n", "config.yaml:2:"),
    ],
    ids=["value", "key", "syntax"],
)
def test_reload_of_a_faulty_file(service_rig: ServiceRig, text: str, reason: str) -> None:
    rig = service_rig
    rig.restore()
    before = rig.service.condition()
    since = rig.service.cursor()

    def change() -> None:
        rig.service.write(text)
        rig.service.reload()

    outage = rig.survives(change)
    said = rig.service.wait_for_word(NOT_TAKEN, since, WORD_S)
    rig.chapter.text("said", rig.service.log("--priority=err", since=since))
    assert NOT_TAKEN in rig.service.log("--priority=err", since=since)
    assert reason in said
    after = rig.service.condition()
    assert (after.pid, after.restarts, after.state) == (before.pid, before.restarts, before.state)
    assert "fps poses" in after.line
    assert outage.poses == 0
    assert outage.picture == 0


def test_the_new_configuration_counts_after_a_crash_too(service_rig: ServiceRig) -> None:
    rig = service_rig
    rig.restore()
    since = rig.service.cursor()
    changed: Settings = {"overlay": {"readout": False}}
    rig.service.configure(changed)
    rig.service.reload()
    rig.service.wait_for_word(READ_AGAIN, since, WORD_S)
    rig.survives(lambda: rig.service.signal("KILL"))
    assert bright_pixels(rig.screen.dump()[:BAR]) < 300
