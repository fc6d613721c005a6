"""`pose-edge run` on a network camera that works, hangs, disappears and comes back."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import demo_frames, video_frames
from command import Command, Log, read_lines
from helpers import FakeRuntime, wait_until
from mjpeg import MjpegServer
from rtsp import RtspServer, lengthen, need_server
from xvfb import xvfb

from pose_edge.config.schema import CameraSettings
from pose_edge.errors import EndOfStream
from pose_edge.estimators.crop import Crop
from pose_edge.frames import Frame
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Estimate, Pose, Provenance
from pose_edge.sources.stream import Stream
from pose_edge.telemetry import Stopwatch, Telemetry
from pose_edge.util import resources


@pytest.fixture(scope="session")
def rtsp_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video that repeats the demo clip for several minutes."""
    need_server()
    clip = tmp_path_factory.mktemp("rtsp") / "demo.mp4"
    return lengthen(resources.demo_clip(), clip, 30)


def count(pose_edge: Command) -> int:
    """Return the number of complete lines in the pose file."""
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


def test_poses_are_the_same_whether_or_not_somebody_sees_the_pictures(pose_edge: Command) -> None:
    """Pictures that only the model sees are decoded at a lower resolution."""
    (scene,) = demo_frames(range(80, 81))
    height, width = 3 * scene.shape[0], 3 * scene.shape[1]
    large = np.asarray(cv2.resize(scene, (width, height)), np.uint8)
    last = {}
    with MjpegServer([large], fps=15) as camera:
        for name, outputs in (("seen", ["--record", "seen.mp4"]), ("unseen", [])):
            done = pose_edge(
                *("run", "--source", camera.url, "--display", "none", "--max-frames", "15"),
                *("--poses", f"{name}.jsonl", *outputs),
            )
            assert done.status == 0, done.stderr
            lines = read_lines(pose_edge.folder / f"{name}.jsonl")
            assert all(line["frame"] == [width, height] for line in lines)
            last[name] = np.asarray(lines[-1]["poses"][0]["keypoints"])
    sure = (last["seen"][:, 2] > 0.4) & (last["unseen"][:, 2] > 0.4)
    assert sure.sum() >= 10
    assert np.abs(last["seen"] - last["unseen"])[sure, :2].max() < 0.02


def test_a_camera_that_goes_away_comes_back_by_itself(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--set", "camera.timeout=1"),
        )
        log = Log(process)
        wait_until(lambda: count(pose_edge) > 5, "the first poses")
        camera.stop()
        log.wait_for("; trying to get it back")
        camera.start()
        log.wait_for("is back")
        lost_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > lost_at + 5, "poses after the camera came back")
        camera.stall()
        log.wait_for("; trying to get it back", 2)
        camera.resume()
        log.wait_for("is back", 2)
        stalled_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > stalled_at + 5, "poses after the camera hung")
        assert log.end() == 0, log.text


@pytest.mark.parametrize("method", ["basic", "digest"])
def test_an_rtsp_camera_is_stopped_started_and_hangs(
    pose_edge: Command, rtsp_clip: Path, method: str
) -> None:
    with RtspServer(rtsp_clip, f"{method}:joe:s3cr@t") as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--set", "camera.timeout=1.5", "--log-level", "debug"),
        )
        log = Log(process)
        wait_until(lambda: count(pose_edge) > 10, "the first poses")
        camera.stop()
        log.wait_for("trying to get it back")
        camera.start()
        log.wait_for("is back")
        stopped_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > stopped_at + 10, "poses after it was started again")
        camera.stall()
        log.wait_for("trying to get it back", 2)
        camera.resume()
        log.wait_for("is back", 2)
        stalled_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > stalled_at + 10, "poses after it hung")
        assert log.end() == 0, log.text
    assert "no answer within 1.5 s" in log.text
    assert f"rtsp://***@127.0.0.1:{camera.port}/live is back" in log.text
    for secret in ("s3cr@t", "s3cr%40t", "joe:"):
        assert secret not in log.text
    lines = read_lines(pose_edge.folder / "p.jsonl")
    numbers = [line["seq"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert sum(bool(line["poses"]) for line in lines) > 0.9 * len(lines)


def test_a_camera_that_comes_back_with_another_size_is_processed_in_it(
    pose_edge: Command,
) -> None:
    scenes = demo_frames(range(64, 94))
    with MjpegServer(scenes, fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--record", "out.mp4"),
        )
        log = Log(process)
        wait_until(lambda: count(pose_edge) > 8, "the first poses")
        camera.stop()
        log.wait_for("trying to get it back")
        camera.show([np.ascontiguousarray(scene[:, 250:650]) for scene in scenes])
        camera.start()
        log.wait_for("is back")
        lost_at = count(pose_edge)
        wait_until(lambda: count(pose_edge) > lost_at + 8, "poses in the other size")
        assert log.end() == 0, log.text
    lines = read_lines(pose_edge.folder / "p.jsonl")
    sizes = [tuple(line["frame"]) for line in lines]
    assert list(dict.fromkeys(sizes)) == [(1280, 720), (400, 720)]
    for size in set(sizes):
        found = [bool(line["poses"]) for line in lines if tuple(line["frame"]) == size]
        assert sum(found) >= 0.7 * len(found)
    _times, size, pictures = video_frames(pose_edge.folder / "out.mp4")
    assert size == (1280, 720)
    assert pictures[-1][:, :300].mean() < 5, "the narrow picture is in the middle, undistorted"
    assert pictures[-1][:, 460:820].mean() > 40


# --- waiting for a source -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    ["/dev/video77", "77", "camera:Nowhere", "/dev/v4l/by-id/gone", "rtsp://127.0.0.1:9/x"],
)
def test_a_camera_that_is_not_there_ends_the_run(pose_edge: Command, source: str) -> None:
    done = pose_edge("run", "--source", source, "--display", "none")
    assert done.status == 3
    assert len(done.complaint()) == 1
    assert "Traceback" not in done.stderr


def test_a_camera_that_is_not_there_is_waited_for(pose_edge: Command) -> None:
    with MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        camera.stop()
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "none", "--poses", "p.jsonl"),
            *("--set", "camera.wait=true", "--record", "out.mp4", "--max-frames", "20"),
        )
        log = Log(process)
        log.wait_for("waiting for it")
        camera.start()
        assert process.wait(120) == 0, log.text
        log.wait_for("is there")
    assert len(read_lines(pose_edge.folder / "p.jsonl")) == 20
    assert (pose_edge.folder / "out.mp4").stat().st_size > 1000


def test_waiting_can_be_ended(pose_edge: Command) -> None:
    process = pose_edge.start(
        *("run", "--source", "camera:Nowhere", "--display", "none"),
        *("--set", "camera.wait=true"),
    )
    log = Log(process)
    log.wait_for("waiting for it")
    assert log.end() == 0, log.text


def test_waiting_is_said_on_the_screen(pose_edge: Command) -> None:
    with xvfb(1600, 900) as desktop, MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        camera.stop()
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "window"),
            *("--set", "camera.wait=true"),
            DISPLAY=desktop.display,
        )

        def lettered() -> bool:
            picture = desktop.screenshot()
            bright = int((picture.min(axis=2) > 200).sum())
            return 0.5 < float(picture.mean()) < 30 and bright > 500

        wait_until(lettered, "a message, bright letters on a dark ground")
        camera.start()
        wait_until(lambda: float(desktop.screenshot().mean()) > 40, "a picture")
        process.terminate()
        assert pose_edge.finish(process).status == 0


def test_a_lost_camera_is_said_on_the_screen(pose_edge: Command) -> None:
    with xvfb(1600, 900) as desktop, MjpegServer(demo_frames(range(64, 94)), fps=15) as camera:
        process = pose_edge.start(
            *("run", "--source", camera.url, "--display", "window"), DISPLAY=desktop.display
        )

        def brightness() -> float:
            return float(desktop.screenshot().mean())

        wait_until(lambda: brightness() > 40, "a picture")
        camera.stop()
        # A message in bright letters on a dark ground replaces the stale picture.
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
    # The camera turns the picture counter-clockwise, the setting clockwise: it is upright again.
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
    """An estimator that takes a given time, like a large model on a small computer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.runtime = FakeRuntime()

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        time.sleep(self._seconds)
        return Estimate([])

    def estimate_crop(
        self, frame: Frame, crop: Crop, stopwatch: Stopwatch | None = None
    ) -> list[Pose]:
        return []

    def reset(self) -> None:
        """Do nothing: there is no state."""

    @property
    def provenance(self) -> Provenance:
        return self.runtime.provenance

    def close(self) -> None:
        self.runtime.close()


@pytest.mark.slow
def test_the_age_of_poses_stays_flat_for_a_minute() -> None:
    ages: list[float] = []
    with MjpegServer(fps=30) as camera:
        source = Stream(camera.url, CameraSettings())
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
