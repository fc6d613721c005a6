from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from helpers import make_frame, make_result

from pose_edge.config.schema import DisplaySettings, Settings
from pose_edge.displays import Display
from pose_edge.live import presenter as show_module
from pose_edge.live.presenter import STALE_S, Presenter, Report
from pose_edge.overlay import Scene
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks.recorder import recorder
from pose_edge.telemetry import Stopwatch, Telemetry


class FakeScreen(Display):
    """A screen that keeps what it was given."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.typed: list[str] = []
        self.works = self.there = True
        self.closed = False

    @property
    def name(self) -> str:
        return "fake"

    @property
    def visible(self) -> bool:
        return self.there

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        self.scenes.append(scene)
        return self.works

    def poll(self) -> list[str]:
        typed, self.typed = self.typed, []
        return typed

    def close(self) -> None:
        self.closed = True


class FakePipeline:
    """What a show asks of a pipeline."""

    live = True
    still = False
    skipped = 0

    def describe_source(self) -> str:
        return "/dev/video0"


class Bench:
    """A show on fake screens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.screens: list[FakeScreen] = []
        self.faults: list[tuple[str, str | None]] = []
        self.busy = 0
        self.telemetry = Telemetry()
        self.pipeline = FakePipeline()
        self.now = 100.0
        monkeypatch.setattr(show_module, "open_display", self._open)
        clock = SimpleNamespace(monotonic=lambda: self.now, monotonic_ns=lambda: 0)
        monkeypatch.setattr(show_module, "time", clock)
        self.show = Presenter(
            Settings(),
            cast(Pipeline, self.pipeline),
            self.telemetry,
            recorder(Settings().record, None, frame_rate=None, report=lambda _reason: None),
            report=lambda part, fault: self.faults.append((part, fault)),
            busy=self._count,
        )

    def _count(self) -> None:
        self.busy += 1

    def _open(
        self,
        settings: DisplaySettings,
        *,
        sysfs: Path,
        report: Report,
        busy: Callable[[], None],
        must: bool,
    ) -> FakeScreen:
        assert sysfs == Path("/sys")
        busy()
        self.must = must
        self.screens.append(FakeScreen())
        return self.screens[-1]

    @property
    def shown(self) -> list[Scene]:
        return self.screens[-1].scenes


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_result_is_shown_and_released(bench: Bench) -> None:
    result = make_result()
    bench.show.result(result)
    assert [scene.image is not None for scene in bench.shown] == [True]
    with pytest.raises(RuntimeError, match="released"):
        _ = result.frame
    assert bench.telemetry.count("screen") == 1


def test_a_screen_is_opening_until_its_first_picture_is_there(bench: Bench) -> None:
    assert (bench.must, bench.busy, bench.show.opening) == (True, 1, True)
    bench.screens[0].works = False  # a window that is minimised, say
    bench.show.result(make_result())
    opening = [bench.show.opening]
    bench.screens[0].works = True
    bench.show.result(make_result())
    assert [*opening, bench.show.opening] == [True, False]
    bench.show.move_to(Settings())
    assert bench.screens[0].closed
    assert (bench.must, bench.busy) == (False, 2)
    opening.append(bench.show.opening)
    assert opening == [True, True]


def test_why_there_is_no_picture_is_said_once(bench: Bench) -> None:
    bench.show.no_result()
    assert bench.shown == []
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    for _ in range(5):
        bench.show.no_result()
    assert len(bench.shown) == 1
    bench.telemetry.set_fault("source", "it is in use (since 12:00:00)")
    bench.show.no_result()
    assert len(bench.shown) == 2
    bench.telemetry.set_fault("source", None)
    bench.telemetry.set_fault("inference", "it hangs, and is replaced")
    bench.show.no_result()
    assert len(bench.shown) == 3
    bench.show.move_to(Settings())
    assert len(bench.shown) == 1, "the new screen shows it too"


@pytest.mark.parametrize("live", [True, False])
def test_a_live_picture_that_is_old_is_not_shown_any_more(bench: Bench, live: bool) -> None:
    bench.pipeline.live = live
    bench.show.result(make_result())
    bench.now += STALE_S - 0.1
    bench.show.no_result()
    assert len(bench.shown) == 1
    bench.now += 0.2
    bench.show.no_result()
    assert len(bench.shown) == (2 if live else 1)
    bench.show.result(make_result())
    bench.show.no_result()
    assert bench.shown[-1].image is not None


def test_a_still_picture_stays_until_the_next(bench: Bench) -> None:
    bench.pipeline.still = True
    first, second = make_result(make_frame(index=0)), make_result(make_frame(index=1))
    bench.show.result(first)
    assert first.frame.index == 0
    bench.screens[0].typed = ["s"]
    assert not bench.show.keys()
    assert len(bench.shown) == 2, "drawn again without the skeleton"
    bench.show.result(second)
    with pytest.raises(RuntimeError, match="released"):
        _ = first.frame
    bench.screens[0].typed = ["x", "q"]
    assert bench.show.keys()


def test_a_screen_that_comes_back_shows_the_lasting_message_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    bench.screens[0].there = False
    bench.show.no_result()
    shown = len(bench.shown)
    assert not bench.show.keys()
    assert len(bench.shown) == shown
    screen = bench.screens[0]

    def come_back() -> list[str]:
        screen.there = True
        return []

    monkeypatch.setattr(screen, "poll", come_back)
    assert not bench.show.keys()
    assert bench.shown[shown:] == [bench.shown[shown - 1]]
    assert not bench.show.keys()
    assert len(bench.shown) == shown + 1


def test_a_screen_that_is_missing_is_waited_for(bench: Bench) -> None:
    bench.telemetry.set_fault("display", "no screen is connected")
    assert bench.show.missing is None, "there is one"
    bench.screens[0].there = False
    assert bench.show.missing == "no screen is connected"


def test_another_way_to_draw_counts_from_the_next_picture(bench: Bench) -> None:
    bench.show.result(make_result())
    mirrored = Settings.model_validate({"camera": {"mirror": True}})
    bench.show.draw_as(mirrored)
    bench.show.result(make_result())
    assert [scene.mirror for scene in bench.shown] == [False, True]
    bench.show.close()
    assert bench.screens[0].closed
