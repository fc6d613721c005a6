"""Unix time of moments on the monotonic clock."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from helpers import wait_until

from pose_edge.sources import wall_clock
from pose_edge.sources.wall_clock import WallClock


def test_the_wall_clock_follows_steps_but_not_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(wall=1_000_000_000_000, monotonic=5_000_000_000)
    clock_source = SimpleNamespace(time_ns=lambda: now.wall, monotonic_ns=lambda: now.monotonic)
    monkeypatch.setattr(wall_clock, "time", clock_source)
    clock = WallClock()
    assert clock.unix_seconds(5_000_000_000) == pytest.approx(1000.0)
    assert clock.unix_seconds(4_900_000_000) == pytest.approx(999.9)
    now.wall += 20_000_000  # a small correction
    assert clock.unix_seconds(5_000_000_000) == pytest.approx(1000.0)
    now.wall += 3_600_000_000_000  # the network told the time
    assert clock.unix_seconds(5_000_000_000) == pytest.approx(4600.02)
    now.wall -= 7_200_000_000_000
    assert clock.unix_seconds(5_000_000_000) == pytest.approx(-2599.98)


def test_real_unix_time() -> None:
    wait_until(lambda: abs(WallClock().unix_seconds(time.monotonic_ns()) - time.time()) < 0.01)
