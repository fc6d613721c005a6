from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import FakeRuntime, coded_picture, write_video

from pose_edge.config.schema import RunSettings, Settings
from pose_edge.errors import PoseEdgeError, SourceError, UsageError
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.meter import Cost
from pose_edge.offline.bench.pipeline import PipelineReport, bench_pipeline, latency_of
from pose_edge.offline.bench.rounds import BenchRound, Screen
from pose_edge.poses import Result
from pose_edge.runtimes import AnyArray
from pose_edge.telemetry import Telemetry

NOBODY = np.zeros((1, 1, 17, 3), dtype=np.float32)


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> list[FakeRuntime]:
    """Replace all models by fakes with runs of 2 ms; return the list of those that were loaded."""
    made: list[FakeRuntime] = []

    def answer(_tensor: AnyArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        time.sleep(0.002)
        return NOBODY

    def load(_model: object, _settings: object) -> FakeRuntime:
        made.append(FakeRuntime([answer], size=64, dtype="float32"))
        return made[-1]

    monkeypatch.setattr("pose_edge.pipeline.loading.load_runtime", load)
    return made


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "v.mp4", [n / 30 for n in range(12)]))


def go(
    source: str,
    rounds: int = 1,
    *,
    camera_fps: float | None = None,
    settings: Settings | None = None,
    stop: threading.Event | None = None,
) -> PipelineReport:
    return bench_pipeline(
        settings or Settings(),
        source,
        rounds,
        camera_fps=camera_fps,
        control=BenchControl(stop or threading.Event()),
    )


def test_pipeline_and_bare_loop_see_the_same_frames(clip: str, runtimes: list[FakeRuntime]) -> None:
    report = go(clip, rounds=2)
    assert [one.frames for one in (*report.pipeline, *report.bare)] == [12] * 4
    assert len(runtimes[0].seen) == 4 * 12, "nobody is there, so one pass a frame"
    assert report.skipped(report.pipeline) == 0
    assert report.model == runtimes[0].provenance.model
    assert (report.source, report.screen, report.complete) == ("v.mp4", "none", True)
    for one in (*report.pipeline, *report.bare):
        assert one.stages_ms["inference"] >= 2
        assert one.cost.wall_s * 1000 >= sum(one.sums_ms.values())
        assert one.cpu_ms > 0


def test_a_camera_gives_a_frame_a_tick_and_the_sums_are_right(
    clip: str, runtimes: list[FakeRuntime]
) -> None:
    report = go(clip, rounds=2, camera_fps=200)
    assert report.camera_frames == 12
    for rounds in (report.pipeline, report.bare):
        assert sum(one.frames for one in rounds) + report.skipped(rounds) == 2 * 12
        assert all(one.cost.wall_s >= 11 / 200 for one in rounds), "no frame before its time"
        spread = latency_of(rounds)
        assert 2 <= spread.median <= spread.p95 <= spread.worst


def test_a_round_may_be_limited(clip: str, runtimes: list[FakeRuntime]) -> None:
    settings = Settings(run=RunSettings(max_frames=5))
    report = go(clip, settings=settings)
    assert [one.frames for one in (*report.pipeline, *report.bare)] == [5, 5]
    assert go(clip, settings=settings, camera_fps=100).camera_frames == 5


def test_ratios_are_those_of_pairs() -> None:
    def rounds(*walls_s: float) -> tuple[BenchRound, ...]:
        return tuple(BenchRound(10, Cost(wall_s, 2 * wall_s, 0, 0), {}, ()) for wall_s in walls_s)

    report = go_nowhere(rounds(1.0, 4.0), rounds(2.0, 2.0))
    assert (report.fps_ratio.low, report.fps_ratio.high) == (0.5, 2.0)
    assert (report.cpu_ratio.low, report.cpu_ratio.high) == (0.5, 2.0)


def go_nowhere(pipeline: tuple[BenchRound, ...], bare: tuple[BenchRound, ...]) -> PipelineReport:
    from pose_edge.offline.bench.machine_state import MachineState
    from pose_edge.offline.bench.system import read_system

    state = MachineState(None, None, None, 0.0)
    return PipelineReport(
        read_system(),
        state,
        state,
        model="m",
        runtime="r",
        source="s",
        camera_fps=None,
        camera_frames=None,
        screen="none",
        pipeline=pipeline,
        bare=bare,
        process_mb=1.0,
        complete=True,
    )


class Shown:
    """A screen that records the indices of its frames."""

    name = "a screen"

    def __init__(self) -> None:
        self.codes: list[int] = []

    def show(self, result: Result) -> None:
        self.codes.append(result.frame.index)


def test_only_the_pipeline_shows_its_results(clip: str, runtimes: list[FakeRuntime]) -> None:
    shown = Shown()
    closed: list[bool] = []

    def open_screen(stack: ExitStack, _telemetry: Telemetry) -> Screen:
        stack.callback(lambda: closed.append(True))
        return shown

    report = bench_pipeline(
        Settings(),
        clip,
        1,
        open_screen=open_screen,
    )
    assert shown.codes == list(range(12))
    assert report.screen == "a screen"
    assert closed == [True]


def test_an_early_end_leaves_whole_pairs(clip: str, runtimes: list[FakeRuntime]) -> None:
    stop = threading.Event()
    report = bench_pipeline(
        Settings(),
        clip,
        3,
        control=BenchControl(stop, lambda done, _total: stop.set() if done == 3 else None),
    )
    assert (len(report.pipeline), len(report.bare)) == (1, 1)
    assert not report.complete


def test_an_end_before_the_first_pair_is_an_error(clip: str, runtimes: list[FakeRuntime]) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(PoseEdgeError, match="nothing was measured"):
        go(clip, stop=stop)


@pytest.mark.parametrize("name", ["auto", "/dev/video0", "http://127.0.0.1:9/x", "picture.png"])
def test_only_a_video_has_an_end_and_a_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, runtimes: list[FakeRuntime]
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("picture.png", coded_picture(0))
    with pytest.raises(UsageError, match="needs a video file, or demo"):
        go(name)
    with pytest.raises(SourceError):
        go("gone.mp4")
    assert runtimes == []
