"""A camera faster than inference: its driver, the decoding and the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fake_v4l2 import Kernel, Shooting, jpeg
from helpers import FakeEstimator, coded_picture

from pose_edge.config.schema import CameraSettings
from pose_edge.frames import Frame, Image
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Estimate
from pose_edge.sources import v4l2
from pose_edge.sources.pixels import decode
from pose_edge.sources.v4l2 import V4L2Camera
from pose_edge.sources.v4l2_device import Mode
from pose_edge.telemetry import Event, Stopwatch, Telemetry

RATE = 60.0
PICTURES = [coded_picture(number, 1280, 720) for number in range(32)]


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, work_s: float, *, every: bool = False
) -> tuple[Counter[str], Pipeline]:
    """Send pictures until there are 12 results; return the counts of each step."""
    counts: Counter[str] = Counter()

    def counting(data: memoryview, mode: Mode, memory: Image, scale: int) -> Image:
        counts["decoded"] += 1
        return decode(data, mode, memory, scale)

    monkeypatch.setattr(v4l2, "decode", counting)
    node = Kernel(monkeypatch, folder).add("video0")
    camera = V4L2Camera(str(node.path), CameraSettings(width=1280, height=720), find=list)
    telemetry = Telemetry()
    pipeline = Pipeline(camera, FakeEstimator(work_s=work_s), telemetry)
    pipeline.demand.every_picture = every
    pipeline.open()
    pipeline.start()
    sent = [jpeg(picture) for picture in PICTURES]
    with Shooting(node, sent, RATE):
        while counts["results"] < 12:
            result = pipeline.take(0.1)
            if result is None:
                continue
            counts["results"] += 1
            frame = result.frame
            expected = decode(
                memoryview(sent[frame.index % len(sent)]),
                Mode("MJPG", 1280, 720),
                frame.image.copy(),
            )
            assert (frame.image == expected).all(), "the picture of this number, and whole"
            result.release()
    pipeline.stop()
    counts["captured"] = telemetry.count(Event.CAPTURED)
    counts["left out"] = pipeline.demand.left_out
    return counts, pipeline


def test_pictures_that_inference_will_skip_are_not_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counts, pipeline = run(monkeypatch, tmp_path, work_s=0.2)
    assert counts["results"] <= counts["decoded"] < 0.8 * counts["captured"]
    assert pipeline.skipped > 0


class FarSighted(FakeEstimator):
    """An estimator that uses only a quarter of a frame's width and height."""

    def estimate(self, frame: Frame, stopwatch: Stopwatch | None = None) -> Estimate:
        return replace(super().estimate(frame, stopwatch), shrink=4.0)


def test_what_only_the_model_sees_is_decoded_in_few_pixels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    node = Kernel(monkeypatch, tmp_path).add("video0")
    camera = V4L2Camera(str(node.path), CameraSettings(width=1280, height=720), find=list)
    pipeline = Pipeline(camera, FarSighted(), Telemetry())
    pipeline.open()
    pipeline.start()

    def wait_for(shape: tuple[int, int, int]) -> None:
        while True:
            result = pipeline.take(0.1)
            if result is None:
                continue
            assert (result.frame.width, result.frame.height) == (1280, 720)
            found = result.frame.image.shape
            result.release()
            if found == shape:
                return

    with Shooting(node, [jpeg(PICTURES[0])], RATE):
        wait_for((720, 1280, 3))
        pipeline.demand.visible = False
        wait_for((360, 640, 3))
        pipeline.demand.visible = True
        wait_for((720, 1280, 3))
    pipeline.stop()


def test_every_picture_is_decoded_where_somebody_sees_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Except pictures that were already too old when the camera was read."""
    counts, _ = run(monkeypatch, tmp_path, work_s=0.1, every=True)
    assert counts["decoded"] + counts["left out"] >= counts["captured"]
    assert counts["decoded"] > counts["results"]
