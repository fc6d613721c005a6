"""`pose-edge run` on a live source: a network camera that behaves, hangs, goes away, comes back."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
from clips import demo_frames
from command import Command, read_lines
from helpers import wait_until
from mjpeg import MjpegServer
from xvfb import xvfb

from pose_edge.errors import EndOfStream
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.pipeline import Pipeline
from pose_edge.poses import Estimate, Pose
from pose_edge.runtimes import Runtime
from pose_edge.settings import CameraSettings
from pose_edge.sources.stream import Stream
from pose_edge.telemetry import Stopwatch, Telemetry


def count(pose_edge: Command) -> int:
    """Return how many whole lines the pose file has."""
    poses = pose_edge.folder / "p.jsonl"
    return poses.read_text().count("\n") if poses.exists() else 0


def test_frames_carry_the_time_of_day(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15, credentials="me:s3cret") as camera:
        before = time.time()
        done = pose_edge(
            *("run", "--source", camera.url, "--display", "none"),
            *("--poses", "p.jsonl", "--max-frames", "20"),
        )
        after = time.time()
    assert done.status == 0, done.stderr
    assert "s3cret" not in done.stderr
    lines = read_lines(pose_edge.folder / "p.jsonl")
    assert len(lines) == 20
    assert sum(bool(line["poses"]) for line in lines) >= 18
    times = [line["time"] for line in lines]
    assert before < times[0] < times[-1] < after
    numbers = [line["seq"] for line in lines]
    assert numbers == sorted(set(numbers))


def test_a_camera_that_goes_away_comes_back_by_itself(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--set", "camera.timeout=1"),
        )
        wait_until(lambda: count(pose_edge) > 5, "the first poses")
        camera.stop()
        time.sleep(2)
        camera.start()
        lost_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > lost_at + 5, "poses after the camera came back")
        camera.stall()
        time.sleep(2.5)
        camera.resume()
        stalled_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > stalled_at + 5, "poses after the camera hung")
        process.terminate()
        done = pose_edge.finish(process)
    assert done.status == 0, done.stderr
    assert "gives no more frames; trying to get it back" in done.stderr
    assert "is back" in done.stderr


def test_a_lost_camera_is_said_on_the_screen(pose_edge: Command) -> None:
    with xvfb(1600, 900) as desktop, MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "window"), DISPLAY=desktop.display
        )

        def brightness() -> float:
            return float(desktop.screenshot().mean())

        wait_until(lambda: brightness() > 40, "a picture")
        camera.stop()
        # No stale picture: a message, bright letters on a dark ground.
        wait_until(lambda: 0.5 < brightness() < 30, "a message")
        assert int((desktop.screenshot().min(axis=2) > 200).sum()) > 500
        camera.start()
        wait_until(lambda: brightness() > 40, "the picture again")
        process.terminate()
        assert pose_edge.finish(process).status == 0


@pytest.mark.parametrize(("rotation", "size"), [(0, (1280, 720)), (90, (720, 1280))])
def test_rotation_turns_the_picture(
    pose_edge: Command, rotation: int, size: tuple[int, int]
) -> None:
    sideways = [
        np.ascontiguousarray(np.rot90(f, rotation // 90)) for f in demo_frames(range(64, 70))
    ]
    with MjpegServer(sideways, fps=10) as camera:
        done = pose_edge(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--max-frames", "6", "--set", f"camera.rotation={rotation}"),
        )
    assert done.status == 0, done.stderr
    lines = read_lines(pose_edge.folder / "p.jsonl")
    # Turned counter-clockwise by the camera and clockwise by us, it is upright again.
    assert {tuple(line["frame"]) for line in lines} == {(1280, 720)}
    assert size[0] * size[1] == 1280 * 720
    head, feet = (
        statistics.median(
            line["poses"][0]["keypoints"][joint][1] for line in lines if line["poses"]
        )
        for joint in (0, 15)
    )
    assert head < feet


class SlowEstimator:
    """Takes its time, as a large model on a small computer does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @property
    def runtime(self) -> Runtime:
        return self  # type: ignore[return-value]  # only `backend` is asked for

    backend = "slow"

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        time.sleep(self._seconds)
        return Estimate([])

    def look(self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None) -> list[Pose]:
        return []

    def reset(self) -> None:
        """Nothing to forget."""


@pytest.mark.slow
def test_the_age_of_poses_stays_flat_for_a_minute() -> None:
    ages: list[float] = []
    with MjpegServer(fps=30) as camera:
        source = Stream(camera.url, CameraSettings())
        source.open()
        pipeline = Pipeline(source, SlowEstimator(0.1), Telemetry())
        pipeline.start()
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end:
                result = pipeline.take(1.0)
                if result is not None:
                    ages.append((time.monotonic_ns() - result.frame.captured_ns) / 1e6)
                    result.release()
        except EndOfStream:
            pytest.fail("the stream ended")
        finally:
            pipeline.stop()
    tenth = len(ages) // 10
    first, last = statistics.median(ages[:tenth]), statistics.median(ages[-tenth:])
    print(f"{len(ages)} poses, median age {first:.0f} ms at first, {last:.0f} ms at last")  # noqa: T201
    assert len(ages) > 500
    assert last < first + 33
    assert max(ages) < 300
    assert pipeline.skipped > 1000
