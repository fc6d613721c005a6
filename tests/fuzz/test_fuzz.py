"""Whatever the program is given, it does not crash, hang, lose a line or leave anything.

    script/test --fuzz [--seed N] [--seconds N] [--case KIND:NUMBER]

tries cases of every kind for ten minutes and prints its seed. Of each kind some cases with fixed
numbers belong to the ordinary run.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import pytest
from fuzz.campaign import KINDS, report, run_campaign, run_case

SEED, SECONDS, CASE = (f"POSE_EDGE_FUZZ_{name}" for name in ("SEED", "SECONDS", "CASE"))
BUILD = Path(__file__).parents[2] / "build" / "fuzz"

ORDINARY = [f"{kind}:{number}" for kind in KINDS for number in (1,)]


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
    """Print at once; names of files need not be text."""
    print(text.encode(errors="backslashreplace").decode(), flush=True)  # noqa: T201
