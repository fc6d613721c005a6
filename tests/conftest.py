"""Fixtures for the tests in several folders."""

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

# No time limits, because a busy machine makes any example slow now and then. The examples are the
# same in every run; tests with random input are in tests/fuzz.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def pytest_configure() -> None:
    """Restore the default signal handlers, so that signals reach the processes that tests start.

    Shells start background jobs with SIGINT ignored, nohup starts programs with SIGHUP ignored, and
    child processes inherit that.
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
    """Return an object that starts the command `pose-edge`."""
    command = Command(tmp_path)
    yield command
    command.kill_all()


@pytest.fixture(scope="session")
def stand_in_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the stand-in for libedgetpu.so.1; skip the test if there is no compiler."""
    return build(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture
def stand_in(stand_in_library: Path, tmp_path: Path) -> StandIn:
    """Return the control of a stand-in for libedgetpu.so.1, which accepts at first."""
    return StandIn(stand_in_library, tmp_path)


@pytest.fixture
def made_up(tmp_path: Path) -> MadeUp:
    """Return an empty simulated machine for the doctor."""
    return MadeUp(tmp_path / "made-up")
