"""A run imports only the modules that it uses, and its memory is bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import pytest
from clips import demo_frames, write_clip
from mjpeg import MjpegServer

PROGRAM = """
import gc, json, sys
from pathlib import Path

from pose_edge.cli.main import main
status = main(sys.argv[1:])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(json.dumps([status, sorted(sys.modules), int(peak.split()[1]) / 1024, gc.isenabled()]))
"""

ALWAYS_UNUSED = (
    *("PIL", "pillow_heif", "rich", "sdl2", "packaging", "asyncio", "multiprocessing"),
    *("concurrent.futures", "ai_edge_litert.compiled_model"),
    *("pose_edge.displays.window", "pose_edge.displays.kms", "pose_edge.displays.terminal"),
    *("pose_edge.live.auto_model", "pose_edge.tuning.kept", "pose_edge.sinks.sound"),
    *("pose_edge.runtimes.child", "pose_edge.estimators.two_stage", "pose_edge.offline"),
    *("pose_edge.sources.pictures", "pose_edge.sources.picture_file", "pose_edge.sources.picamera"),
)
"""Modules that no run without a screen, recording and Coral needs, whatever its source is."""


class Run(NamedTuple):
    """The result of a run.

    Attributes:
        modules: Names of the imported modules.
        peak_mb: Peak memory in MB.
    """

    modules: set[str]
    peak_mb: float


def run(folder: Path, source: str) -> Run:
    """Estimate the poses of 40 frames in a separate process, with the service's options."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POSE_EDGE_")}
    arguments = (
        *("run", source, "--display", "none", "--log-format", "journal", "--max-frames", "40"),
        *("--poses", str(folder / "poses.jsonl")),
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**clean, "XDG_CONFIG_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    status, modules, peak_mb, collects = json.loads(done.stdout)
    assert status == 0, done.stderr
    assert collects, "garbage is not collected"
    assert "pose_edge.runtimes.litert" in modules
    return Run(set(modules), peak_mb)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = [cv2.resize(frame, (384, 496)) for frame in demo_frames(range(40))]
    return write_clip(tmp_path / "clip.mp4", frames)  # type: ignore[arg-type]


def test_a_video_without_a_screen(tmp_path: Path, clip: Path) -> None:
    done = run(tmp_path, str(clip))
    unused = {*ALWAYS_UNUSED, "http.client", "ssl", "videodev2", "simplejpeg"}
    assert unused & done.modules == set()
    assert done.peak_mb < 160  # measured: 137 on x86-64 with Python 3.11


def test_an_http_camera_without_a_screen(tmp_path: Path) -> None:
    with MjpegServer() as server:
        done = run(tmp_path, server.url)
    assert {*ALWAYS_UNUSED, "av"} & done.modules == set()
    assert done.peak_mb < 150
