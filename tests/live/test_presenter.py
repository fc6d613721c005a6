from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from helpers import make_frame, make_result, pose

from pose_edge.config.schema import DisplaySettings, Settings
from pose_edge.displays import Display
from pose_edge.live import presenter as presenter_module
from pose_edge.live.presenter import OPEN_S, STALE_S, STALL_S, Presenter
from pose_edge.overlay import Scene
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.sinks.recorder import recorder
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.telemetry import SOURCE, Event, Stopwatch, Telemetry


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
    """What a presenter needs of a pipeline."""

    live = True
    still = False
    skipped = 0

    def describe_source(self) -> str:
        return "/dev/video0"


class Bench:
    """A presenter with fake screens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.screens: list[FakeScreen] = []
        self.telemetry = Telemetry()
        self.pipeline = FakePipeline()
        self.now = 100.0
        self.supervisor = Supervisor(lambda: self.now)
        self.part = self.supervisor.add("screen")
        monkeypatch.setattr(presenter_module, "open_display", self._open)
        self.presenter = Presenter(
            Settings(),
            cast(Pipeline, self.pipeline),
            self.telemetry,
            recorder(Settings().record, None, frame_rate=None, report=lambda _reason: None),
            part=self.part,
            clock_ns=lambda: round(self.now * 1e9),
        )

    def lasts(self, seconds: float) -> bool:
        """Let time pass, and tell whether the main thread has not stalled by then."""
        for _ in range(round(seconds)):
            self.now += 1
            self.supervisor.look()
        return self.part.state is not State.FAILED

    def _open(
        self,
        settings: DisplaySettings,
        *,
        sysfs: Path,
        report: Callable[[str | None], None],
        busy: Callable[[], None],
        must: bool,
    ) -> FakeScreen:
        assert sysfs == Path("/sys")
        busy()
        self.must = must
        self.screens.append(FakeScreen())
        return self.screens[-1]

    @property
    def state(self) -> State:
        return self.part.state

    @property
    def shown(self) -> list[Scene]:
        return self.screens[-1].scenes


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_result_is_shown_and_released(bench: Bench) -> None:
    result = make_result()
    bench.presenter.show_result(result)
    assert [scene.image is not None for scene in bench.shown] == [True]
    with pytest.raises(RuntimeError, match="released"):
        _ = result.frame
    assert bench.telemetry.count(Event.SHOWN) == 1


def test_a_screen_has_time_until_its_first_picture_is_there(bench: Bench) -> None:
    assert [bench.must] == [True]
    assert bench.state == State.STARTING
    assert bench.lasts(OPEN_S - 1)
    bench.screens[0].works = False  # a window that is minimised, say
    bench.presenter.show_result(make_result())
    bench.presenter.send_heartbeat()
    assert bench.lasts(OPEN_S - 1)
    bench.screens[0].works = True
    bench.presenter.show_result(make_result())
    bench.presenter.send_heartbeat()
    assert bench.part.detail == "fake"
    assert bench.lasts(STALL_S - 1)
    assert not bench.lasts(1)
    bench.presenter.change_display(Settings())
    assert bench.screens[0].closed
    assert [bench.must] == [False]
    assert bench.lasts(OPEN_S - 1)
    bench.presenter.send_heartbeat()
    assert bench.lasts(OPEN_S - 1)


def test_why_there_is_no_picture_is_said_once(bench: Bench) -> None:
    bench.presenter.show_no_result()
    assert bench.shown == []
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    for _ in range(5):
        bench.presenter.show_no_result()
    assert len(bench.shown) == 1
    bench.telemetry.set_fault("source", "it is in use (since 12:00:00)")
    bench.presenter.show_no_result()
    assert len(bench.shown) == 2
    bench.telemetry.set_fault("source", None)
    bench.telemetry.set_fault("inference", "it hangs, and is replaced")
    bench.presenter.show_no_result()
    assert len(bench.shown) == 3
    bench.presenter.change_display(Settings())
    assert len(bench.shown) == 1, "the new screen shows it too"


@pytest.mark.parametrize("live", [True, False])
def test_a_live_picture_that_is_old_is_not_shown_any_more(bench: Bench, live: bool) -> None:
    bench.pipeline.live = live
    bench.presenter.show_result(make_result())
    bench.now += STALE_S - 0.1
    bench.presenter.show_no_result()
    assert len(bench.shown) == 1
    bench.now += 0.2
    bench.presenter.show_no_result()
    assert len(bench.shown) == (2 if live else 1)
    bench.presenter.show_result(make_result())
    bench.presenter.show_no_result()
    assert bench.shown[-1].image is not None


def test_a_still_picture_stays_until_the_next(bench: Bench) -> None:
    bench.pipeline.still = True
    first, second = make_result(make_frame(index=0)), make_result(make_frame(index=1))
    bench.presenter.show_result(first)
    assert first.frame.index == 0
    bench.screens[0].typed = ["s"]
    assert not bench.presenter.handle_keys()
    assert len(bench.shown) == 2, "drawn again without the skeleton"
    bench.presenter.show_result(second)
    with pytest.raises(RuntimeError, match="released"):
        _ = first.frame
    bench.screens[0].typed = ["x", "q"]
    assert bench.presenter.handle_keys()


def test_another_source_frees_the_still_picture(bench: Bench) -> None:
    bench.pipeline.still = True
    picture, frame = make_result(), make_result()
    bench.presenter.show_result(picture)
    bench.pipeline.still = False  # a reload: from pictures to a camera
    bench.presenter.change_overlay(Settings())
    assert len(bench.shown) == 1, "the picture is not shown again"
    bench.presenter.show_result(frame)
    for result in (picture, frame):
        with pytest.raises(RuntimeError, match="released"):
            _ = result.frame


def test_a_message_frees_the_still_picture(bench: Bench) -> None:
    bench.pipeline.still = True
    picture = make_result()
    bench.presenter.show_result(picture)
    bench.telemetry.set_fault(SOURCE, "no camera (since 12:00:00)")
    bench.presenter.show_no_result()
    with pytest.raises(RuntimeError, match="released"):
        _ = picture.frame


def test_another_overlay_applies_to_the_still_picture_that_is_shown(bench: Bench) -> None:
    bench.pipeline.still = True
    bench.presenter.show_result(make_result(poses=[pose()]))
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"readout": "off"}}))
    first, second = bench.shown
    assert first.image is second.image
    assert first is not second
    bench.presenter.change_display(Settings())
    assert bench.shown == [second]


def test_a_screen_that_comes_back_shows_the_lasting_message_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    bench.screens[0].there = False
    bench.presenter.show_no_result()
    shown = len(bench.shown)
    assert not bench.presenter.handle_keys()
    assert len(bench.shown) == shown
    screen = bench.screens[0]

    def come_back() -> list[str]:
        screen.there = True
        return []

    monkeypatch.setattr(screen, "poll", come_back)
    assert not bench.presenter.handle_keys()
    assert bench.shown[shown:] == [bench.shown[shown - 1]]
    assert not bench.presenter.handle_keys()
    assert len(bench.shown) == shown + 1


def test_a_screen_that_is_missing_is_waited_for(bench: Bench) -> None:
    bench.telemetry.set_fault("display", "no screen is connected")
    bench.presenter.send_heartbeat()
    assert bench.state == State.RUNNING, "there is one"
    bench.screens[0].there = False
    for _ in range(3):
        bench.presenter.send_heartbeat()
    assert (bench.part.state, bench.part.detail) == (State.WAITING, "no screen is connected")
    assert bench.part.tries == 0


def test_another_way_to_draw_counts_from_the_next_picture(bench: Bench) -> None:
    bench.presenter.show_result(make_result())
    mirrored = Settings.model_validate({"camera": {"mirror": True}})
    bench.presenter.change_overlay(mirrored)
    bench.presenter.show_result(make_result())
    assert [scene.mirror for scene in bench.shown] == [False, True]
    bench.presenter.close()
    assert bench.screens[0].closed
