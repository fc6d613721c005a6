"""The public interface in programs on a machine with a Coral."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from coral_rig import CoralRig

PROGRAM = """
import sys
import numpy as np
from pose_edge import PoseEstimator, UnavailableError

def main():
    settings = dict(setting.split("=", 1) for setting in sys.argv[2:])
    with PoseEstimator("movenet-lightning-fp16", edgetpu=sys.argv[1], settings=settings) as one:
        print(one(np.zeros((64, 64, 3), np.uint8)), one.backend)

"""
GUARDED = 'if __name__ == "__main__":\n    main()\n'


def run_program(coral: CoralRig, call: str, mode: str) -> subprocess.CompletedProcess[str]:
    program = coral.folder / "program.py"
    program.write_text(PROGRAM + call)
    settings = [word for word in coral.arguments("run", None) if "=" in word]
    return subprocess.run(
        [sys.executable, program, mode, *settings],
        env={**os.environ, **coral.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("mode", ["on", "auto"])
def test_an_estimator_uses_the_edgetpu_from_the_first_picture(coral: CoralRig, mode: str) -> None:
    done = run_program(coral, GUARDED, mode)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] edgetpu\n", "")


def test_a_program_needs_no_guard_of_its_main_module(coral: CoralRig) -> None:
    done = run_program(coral, "main()\n", "on")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] edgetpu\n", "")
