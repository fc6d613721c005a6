from __future__ import annotations

import time

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor.clock import examine, is_synchronised


@pytest.mark.parametrize(
    ("synchronised", "verdict"), [(True, "ok"), (False, "warning"), (None, "skipped")]
)
def test_synchronisation(made_up: MadeUp, synchronised: bool | None, verdict: str) -> None:
    context = made_up.context()
    found = by_subject(sound(examine(context, synchronised=lambda: synchronised)))
    assert found["network time"].verdict == verdict
    assert found["time"].verdict == "ok"


def test_a_clock_that_has_just_begun(made_up: MadeUp) -> None:
    found = by_subject(sound(examine(made_up.context(), now=lambda: 42.0)))
    assert found["time"].verdict == "fault"
    assert found["time"].text.startswith(time.strftime("%Y", time.localtime(42)))


def test_a_battery_clock(made_up: MadeUp) -> None:
    assert by_subject(examine(made_up.context()))["battery clock"].text.startswith("none")
    made_up.put("sys/class/rtc/rtc0/name", "rpi-rtc")
    assert by_subject(examine(made_up.context()))["battery clock"].text.startswith("present")


def test_this_kernel_answers() -> None:
    assert is_synchronised() in (True, False, None)
