from __future__ import annotations

from pathlib import Path

import pytest

from pose_edge.offline.bench.machine_state import read_state, throttling


def write(sysfs: Path, name: str, text: str) -> None:
    path = sysfs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_raspberry_pi_tells_everything(tmp_path: Path) -> None:
    write(tmp_path, "class/thermal/thermal_zone0/temp", "61342\n")
    write(tmp_path, "class/thermal/thermal_zone1/temp", "58000\n")
    for core, clock in enumerate((1500000, 1800000)):
        write(tmp_path, f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{clock}\n")
    write(tmp_path, "devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    found = read_state(tmp_path)
    assert found.temperature_c == 61.342
    assert found.clock_mhz == 1800.0
    assert found.throttling == ("voltage too low since the start", "throttled since the start")
    assert found.load >= 0


def test_a_machine_may_tell_nothing(tmp_path: Path) -> None:
    found = read_state(tmp_path)
    assert (found.temperature_c, found.clock_mhz, found.throttling) == (None, None, None)


def test_a_sensor_without_an_answer_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "class/thermal/thermal_zone0/temp", "")
    write(tmp_path, "class/thermal/thermal_zone1/temp", "-5000\n")
    write(tmp_path, "devices/platform/soc/soc:firmware/get_throttled", "?")
    found = read_state(tmp_path)
    assert found.temperature_c == -5.0
    assert found.throttling is None


@pytest.mark.parametrize(("alarm", "says"), [("1", ("voltage too low",)), ("0", ())])
def test_without_the_firmware_the_kernel_knows_the_voltage(
    tmp_path: Path, alarm: str, says: tuple[str, ...]
) -> None:
    write(tmp_path, "class/hwmon/hwmon0/name", "cpu_thermal\n")
    write(tmp_path, "class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path, "class/hwmon/hwmon1/in0_lcrit_alarm", f"{alarm}\n")
    assert read_state(tmp_path).throttling == says


def test_what_holds_now_is_not_said_twice() -> None:
    assert throttling(0) == ()
    assert throttling(0x80008) == ("temperature limit",)
    assert throttling(0x20008) == ("temperature limit", "clock limited since the start")
