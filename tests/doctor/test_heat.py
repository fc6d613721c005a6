from __future__ import annotations

import pytest
from doctor_contexts import MadeUp, by_subject, sound
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.doctor.heat import examine, throttling
from pose_edge.doctor.report import Finding


def look(made_up: MadeUp) -> dict[str, Finding]:
    return by_subject(sound(examine(made_up.context())))


def test_a_machine_that_tells_nothing(made_up: MadeUp) -> None:
    found = look(made_up)
    assert {subject: one.verdict for subject, one in found.items()} == {
        "temperature": "skipped",
        "throttling": "skipped",
    }


@pytest.mark.parametrize(
    ("degrees", "verdict"), [(48.3, "ok"), (76, "warning"), (85.2, "fault"), (-5, "ok")]
)
def test_the_hottest_zone_counts(made_up: MadeUp, degrees: float, verdict: str) -> None:
    made_up.put("sys/class/thermal/thermal_zone0/temp", "-10000\n")
    made_up.put("sys/class/thermal/thermal_zone1/temp", f"{degrees * 1000:.0f}\n")
    made_up.put("sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    made_up.put("sys/class/thermal/thermal_zone2/temp", "nonsense\n")
    found = look(made_up)["temperature"]
    assert found.verdict == verdict
    assert found.text.startswith(f"{degrees:.0f} °C (cpu-thermal)")


def test_the_firmware_is_asked(made_up: MadeUp) -> None:
    made_up.be_a_pi()
    made_up.command(
        "vcgencmd",
        'case "$1" in measure_temp) echo "temp=48.3\'C";; *) echo throttled=0x0;; esac',
    )
    found = look(made_up)
    assert found["temperature"].text == "48 °C (firmware)"
    assert found["throttling"].verdict == "ok"


def test_now_is_worse_than_before() -> None:
    now, past = sound(throttling(0x50001))
    assert (now.verdict, now.text) == ("fault", "the voltage is too low, now")
    assert "power supply" in now.remedy
    assert past.verdict == "warning"
    assert past.text == "the cores were throttled at some time since the start"


@settings(deadline=None)
@given(st.integers(0, (1 << 32) - 1))
def test_every_word_is_told(word: int) -> None:
    found = sound(throttling(word))
    now = bin(word & 0xF).count("1")
    past = bin(word >> 16 & 0xF & ~word).count("1")
    verdicts = [one.verdict for one in found]
    assert verdicts.count("fault") == now
    assert verdicts.count("warning") == past
    assert verdicts == ["ok"] or now + past == len(verdicts)


def test_a_firmware_that_may_not_be_asked(made_up: MadeUp) -> None:
    made_up.be_a_pi()
    made_up.command("vcgencmd", "echo 'Can not open /dev/vcio' >&2; exit 255")
    assert "sudo" in look(made_up)["throttling"].text


def test_the_kernels_alarm_stands_in(made_up: MadeUp) -> None:
    made_up.put("sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    made_up.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert look(made_up)["voltage"].verdict == "ok"
    made_up.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert look(made_up)["voltage"].verdict == "fault"


def test_a_pi_without_vcgencmd(made_up: MadeUp) -> None:
    made_up.be_a_pi()
    assert "raspi-utils" in look(made_up)["throttling"].text
