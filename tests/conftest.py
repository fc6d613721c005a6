"""Fixtures that tests of several folders use."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command
from doctor_contexts import MadeUp
from hypothesis import HealthCheck, settings
from stand_in_edgetpu import StandIn, build

# A busy machine makes any example slow now and then: that is no fault of what is tested. And the
# examples are the same in every run: what is tried by chance is a matter of tests/fuzz.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_configure() -> None:
    """Let signals reach what tests start.

    Shells start background jobs with SIGINT ignored, and nohup what it starts with SIGHUP ignored.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Exempt collected tests from garbage collection: they are hundreds of thousands of objects.

    Otherwise each full collection takes half a second, and `gc.collect` in the program does too.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def pose_edge(tmp_path: Path) -> Iterator[Command]:
    """Return what starts the command."""
    command = Command(tmp_path)
    yield command
    command.kill_all()


@pytest.fixture(scope="session")
def stand_in_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stand-in for libedgetpu.so.1; skips the test where there is no compiler."""
    return build(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture
def stand_in(stand_in_library: Path, tmp_path: Path) -> StandIn:
    """Return a stand-in for libedgetpu.so.1 that accepts, until it is told otherwise."""
    return StandIn(stand_in_library, tmp_path)


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    """Return a machine without anything, for the doctor."""
    return MadeUp(tmp_path / "made-up")
