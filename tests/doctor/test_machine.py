from __future__ import annotations

import os
import platform

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor import machine
from pose_edge.doctor.machine import cpu_limit, memory_limit, os_release
from pose_edge.doctor.report import Finding


@pytest.fixture
def pi(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    made_up.be_a_pi()
    made_up.put("proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nHuge: x\n")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    return made_up


def look(made_up: MadeUp, **settings: dict[str, object]) -> dict[str, Finding]:
    return by_subject(sound(machine.examine(made_up.context(settings=settings))))


def test_a_healthy_pi(pi: MadeUp) -> None:
    found = look(pi, model={"threads": 3})
    assert {one.verdict for one in found.values()} == {"ok"}
    assert found["board"].text.startswith("Raspberry Pi 5 Model B Rev 1.0 (")
    assert found["cores"].text == "4 of 4 usable, 3 for the model"
    assert found["memory"].text == "4.1 GB, 3.1 GB of it free"
    assert machine.is_pi(pi.context())


def test_a_pc(made_up: MadeUp) -> None:
    made_up.put("sys/class/dmi/id/product_name", "ThinkPad\n")
    found = look(made_up)
    assert found["board"].text == f"ThinkPad ({platform.machine()})"
    assert found["memory"].verdict == "skipped"
    assert not machine.is_pi(made_up.context())


def test_a_32_bit_system(pi: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.maxsize", (1 << 31) - 1)
    assert look(pi)["system"].verdict == "fault"


def test_cores_that_are_taken_away(pi: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    found = look(pi)["cores"]
    assert (found.verdict, found.text) == ("warning", "2 of 4 usable, 2 for the model")


def test_limits_of_a_container(pi: MadeUp) -> None:
    pi.put("proc/self/cgroup", "0::/system.slice/pose-edge.service\n")
    group = "sys/fs/cgroup/system.slice"
    pi.put(f"{group}/pose-edge.service/cpu.max", "max 100000\n")
    pi.put(f"{group}/cpu.max", "150000 100000\n")
    pi.put(f"{group}/pose-edge.service/memory.max", "200000000\n")
    found = look(pi)
    assert found["cores"].verdict == "warning"
    assert "only 1.5 cores' time" in found["cores"].text
    assert found["cores"].remedy.endswith("--threads 1")
    assert found["memory"].verdict == "warning"
    assert "limited to 200 MB" in found["memory"].text


def test_limits_of_old_control_groups(made_up: MadeUp) -> None:
    made_up.put("proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/box\n1:cpuset:/\n")
    made_up.put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1")
    made_up.put("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000")
    made_up.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    context = made_up.context()
    assert cpu_limit(context) is None
    assert memory_limit(context) is None
    made_up.put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "50000")
    made_up.put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000")
    assert cpu_limit(context) == 0.5
    assert memory_limit(context) == 1000


def test_little_memory(pi: MadeUp) -> None:
    pi.put("proc/meminfo", "MemTotal: 400000 kB\nMemAvailable: 100000 kB\n")
    assert look(pi)["memory"].verdict == "warning"


def test_the_release_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    assert os_release("VERSION_CODENAME") == "trixie"
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "arch"})
    assert os_release("VERSION_CODENAME") == ""

    def none() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", none)
    assert os_release("VERSION_CODENAME") == ""
