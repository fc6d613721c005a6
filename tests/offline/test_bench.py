from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from helpers import FakeRuntime, coded_picture, write_video

from pose_edge.config.schema import Settings
from pose_edge.errors import ModelError, SourceError, UsageError
from pose_edge.offline import bench as bench_module
from pose_edge.offline.bench import PipelineTiming, bench_models, bench_pipeline, machine
from pose_edge.runtimes import AnyArray
from pose_edge.util.cores import usable_cores
from pose_edge.zoo.registry import ModelFile

NOBODY = np.zeros((1, 1, 17, 3), dtype=np.float32)


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> list[FakeRuntime]:
    """Replace every model by one whose runs take 2 ms, the second one's 10 ms."""
    made: list[FakeRuntime] = []

    def load(_model: ModelFile, _settings: object) -> FakeRuntime:
        work_s = 0.010 if made else 0.002

        def answer(_tensor: AnyArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            time.sleep(work_s)
            return NOBODY

        made.append(FakeRuntime([answer], size=64, dtype="uint8" if made else "float32"))
        return made[-1]

    monkeypatch.setattr(bench_module, "load_runtime", load)
    monkeypatch.setattr("pose_edge.pipeline.loading.load_runtime", load)
    return made


def test_models_are_timed_in_turns(runtimes: list[FakeRuntime]) -> None:
    names = ["movenet-lightning-fp16", "movenet-thunder-fp16"]
    first, second = bench_models(Settings(), names, runs=8)
    assert [first.name, second.name] == names
    assert [len(runtime.seen) for runtime in runtimes] == [8, 8]
    assert first.ratio == 1.0
    assert first.fps == pytest.approx(1000 / first.median_ms)
    assert second.ratio == pytest.approx(second.median_ms / first.median_ms)
    assert first.median_ms >= 2
    assert second.median_ms >= 10
    assert first.p95_ms >= first.median_ms
    assert first.runtime == "a fake"


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError):
        bench_models(Settings(), ["movenet-huge"], runs=1)


def test_pipeline_and_bare_loop_see_the_same_frames(
    tmp_path: Path, runtimes: list[FakeRuntime]
) -> None:
    source = write_video(tmp_path / "v.mp4", [n / 30 for n in range(12)])
    timing = bench_pipeline(Settings(), str(source), rounds=2)
    assert timing.frames == 12
    assert (len(timing.pipeline_fps), len(timing.bare_fps)) == (2, 2)
    assert len(runtimes[0].seen) == 4 * 12, "nobody is there, so one look a frame"
    assert timing.ratio > 0
    assert timing.model == runtimes[0].provenance.model


def test_the_ratio_is_that_of_the_medians() -> None:
    timing = PipelineTiming("m", "r", 10, (10.0, 30.0, 20.0), (5.0, 100.0, 10.0))
    assert timing.ratio == 2.0


@pytest.mark.parametrize("name", ["/dev/video0", "http://cam/x", "picture.png"])
def test_only_a_video_has_an_end_and_a_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, runtimes: list[FakeRuntime]
) -> None:
    import cv2

    monkeypatch.chdir(tmp_path)
    cv2.imwrite("picture.png", coded_picture(0))
    with pytest.raises(UsageError, match="needs a video"):
        bench_pipeline(Settings(), name, rounds=1)
    with pytest.raises(SourceError):
        bench_pipeline(Settings(), "gone.mp4", rounds=1)


def test_a_source_that_never_ends_is_refused(runtimes: list[FakeRuntime]) -> None:
    """`auto` is a camera, or without one the demo clip forever."""
    for source in ("auto", "/dev/video0", "http://127.0.0.1:9/x"):
        with pytest.raises(UsageError, match="needs a video file, or demo"):
            bench_pipeline(Settings(), source, rounds=1)
    assert runtimes == []


def test_the_machine_is_named() -> None:
    assert f"{usable_cores()} usable cores" in machine()
    assert "\n" not in machine()
