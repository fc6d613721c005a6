from __future__ import annotations

import platform

from pose_edge import __version__
from pose_edge.offline.bench.system import machine, read_system
from pose_edge.util.cores import usable_cores


def test_the_machine_is_named_in_one_line() -> None:
    assert f"{usable_cores()} usable core" in machine()
    assert "\n" not in machine()


def test_versions_are_those_that_are_installed() -> None:
    system = read_system()
    assert system.packages["pose-edge"] == __version__
    assert "numpy" in system.packages
    assert all(system.packages.values())
    assert system.python == platform.python_version()
    assert system.memory_mb > 100
    assert system.os
