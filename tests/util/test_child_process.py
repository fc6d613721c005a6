from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from pose_edge.util.child_process import describe_death


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        (-signal.SIGSEGV, "", "its process was ended by SIGSEGV"),
        (-40, "", "its process was ended by signal 40"),  # real-time signals have no name
        (0, "", "its process ended with status 0"),
        (7, "no such device", "its process ended with status 7 (no such device)"),
        (None, "", "its process stopped answering"),
    ],
)
def test_the_end_of_a_process_in_words(status: int | None, words: str, expected: str) -> None:
    assert describe_death(status, words) == expected


def test_a_process_does_not_begin_for_a_parent_that_is_gone_already() -> None:
    program = "import sys; from pose_edge.util.child_process import kill_with_parent"
    for parent, status in ((os.getpid(), 0), (os.getpid() + 1, 1)):
        done = subprocess.run(
            [sys.executable, "-c", f"{program}; kill_with_parent({parent})"], check=False
        )
        assert done.returncode == status


def test_all_output_goes_to_the_other_descriptor() -> None:
    program = """
import os, sys
from pose_edge.util.child_process import redirect_output
reading, writing = os.pipe()
shown = os.dup(1)
redirect_output(writing)
os.write(1, b"output ")
os.write(2, b"error")
os.write(shown, b"piped: " + os.read(reading, 100))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"piped: output error", b"")
