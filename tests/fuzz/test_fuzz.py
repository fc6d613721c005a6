"""Whatever its input, the program does not crash, hang, lose lines or leave anything behind.

    script/test --fuzz [--seed N] [--seconds N] [--case KIND:NUMBER]

runs cases of every kind for ten minutes and prints its seed. Some fixed cases of each kind are part
of the ordinary test run.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import pytest
from fuzz.campaign import report, run_campaign, run_case

SEED, SECONDS, CASE = (f"POSE_EDGE_FUZZ_{name}" for name in ("SEED", "SECONDS", "CASE"))
BUILD = Path(__file__).parents[2] / "build" / "fuzz"

ORDINARY = (
    *("configurations:1", "configurations:2", "configurations:3", "models:1", "models:3"),
    *("pictures:1", "pictures:2", "pictures:3", "videos:1", "videos:2", "videos:3", "mjpeg:3"),
    *("transport_streams:2", "rtsp:3", "downloads:1", "downloads:3", "signals:1", "reloads:1"),
    *("disks:1", "disks:3", "closed_streams:1", "closed_streams:2", "closed_streams:3"),
)
"""Fast cases of every kind, which take less than a minute together."""


@pytest.mark.parametrize("name", ORDINARY)
def test_case(name: str, tmp_path: Path) -> None:
    outcome = run_case(name, tmp_path / "case")
    assert not outcome.complaints, outcome.report()


@pytest.mark.fuzz
def test_many_cases(capfd: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get(SEED) or secrets.randbelow(10**6))
    seconds = float(os.environ.get(SECONDS) or 600)
    with capfd.disabled():
        if name := os.environ.get(CASE):
            folder = BUILD / name.replace(":", "-")
            shutil.rmtree(folder, ignore_errors=True)
            outcomes = [run_case(name, folder)]
        else:
            tell(f"\nfor {seconds:g} s: script/test --fuzz --seed {seed}")
            outcomes = run_campaign(seed, seconds, BUILD, tell)
        tell(f"\n{report(seed, outcomes)}")
    assert not any(outcome.complaints for outcome in outcomes), f"see {BUILD}"


def tell(text: str) -> None:
    """Print and flush."""
    print(text, flush=True)  # noqa: T201
