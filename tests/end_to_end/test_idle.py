"""The threads of a run sleep while its source sends nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from command import Command, read_lines
from helpers import wait_until
from mjpeg import MjpegServer

WATCHED_S = 4.0
MOST_WAKE_UPS = 15
"""Limit per second, for all threads together; a single loop that waits 20 ms would cause 50."""


def wake_ups(process: int) -> int:
    """Return the number of voluntary context switches of a process's threads so far."""
    threads = Path(f"/proc/{process}/task").iterdir()
    lines = (line for one in threads for line in (one / "status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def test_nothing_wakes_up_while_a_live_source_sends_nothing(pose_edge: Command) -> None:
    poses = pose_edge.folder / "p.jsonl"
    with MjpegServer(fps=15) as camera:
        run = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--set", "camera.timeout=10"),
        )
        wait_until(lambda: poses.exists() and poses.read_text().count("\n") > 10)
        camera.stall()
        begin_s, before = time.monotonic(), wake_ups(run.pid)

        def quiet() -> bool:
            """Return whether a whole interval was quiet; the first may have late work."""
            nonlocal begin_s, before
            if time.monotonic() - begin_s < WATCHED_S:
                return False
            now = wake_ups(run.pid)
            rate = (now - before) / (time.monotonic() - begin_s)
            begin_s, before = time.monotonic(), now
            return rate <= MOST_WAKE_UPS

        wait_until(quiet, "an interval with few wake-ups")
        count = len(read_lines(poses))
        camera.resume()
        wait_until(lambda: len(read_lines(poses)) > count, "frames to go on")
        run.send_signal(signal.SIGTERM)
        assert pose_edge.finish(run).status == 0
