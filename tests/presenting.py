"""A presenter with fake screens and a fake pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from pose_edge.config.schema import DisplaySettings, Settings
from pose_edge.displays import Display
from pose_edge.frames import Frame, Lease
from pose_edge.live import presenter as presenter_module
from pose_edge.live.presenter import Presenter
from pose_edge.overlay import Drawing, Scene, Stamp
from pose_edge.pipeline.gate import Gate
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.pipeline.rest import Rest
from pose_edge.pipeline.worker_thread import Lost
from pose_edge.poses import Result
from pose_edge.sinks.recorder import recorder
from pose_edge.sources.demand import FrameDemand
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.telemetry import Stopwatch, Telemetry
from pose_edge.web.server import WebServer


class FakeScreen(Display):
    """A screen that records the scenes that it shows."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []
        self.typed: list[str] = []
        self.works = self.there = True
        self.closed = False
        self.full = False

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

    def toggle_fullscreen(self) -> bool:
        self.full = not self.full
        return self.full

    def close(self) -> None:
        self.closed = True


class FakePipeline:
    """The part of a pipeline that a presenter uses."""

    live = True
    still = False
    skipped = 0
    ended = False
    frame_rate: float | None = 30.0
    lost: Lost | None = None

    def __init__(self) -> None:
        self.rest = Rest()
        self.demand = FrameDemand()
        self.frame: Frame | None = None
        self.results: list[Result] = []
        self.gate = Gate()
        self.pause, self.resume, self.step = self.gate.close, self.gate.open, self.gate.step

    @property
    def paused(self) -> bool:
        return self.gate.closed

    def newest(self, after: int) -> Lease | None:
        newer = self.frame is not None and self.frame.index > after
        return Lease(self.frame) if newer and self.frame is not None else None

    def take(self, timeout: float) -> Result | None:
        return self.results.pop(0) if self.results else None

    def describe_source(self) -> str:
        return "/dev/video0"


class Bench:
    """A presenter with fake screens, a fake pipeline and a fake clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.screens: list[FakeScreen] = []
        self.telemetry = Telemetry()
        self.pipeline = FakePipeline()
        self.now = 100.0
        self.supervisor = Supervisor(lambda: self.now)
        self.part = self.supervisor.add("screen")
        self.page = WebServer(Settings(), report=lambda _fault: None, supervisor=self.supervisor)
        monkeypatch.setattr(presenter_module, "open_display", self._open)
        self.presenter = Presenter(
            Settings(),
            cast(Pipeline, self.pipeline),
            self.telemetry,
            recorder(Settings().record, None, frame_rate=None, report=lambda _reason: None),
            part=self.part,
            page=self.page,
            clock_ns=lambda: round(self.now * 1e9),
        )

    def lasts(self, seconds: float) -> bool:
        """Advance the clock; return whether the main thread does not count as stalled then."""
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

    def drawing(self) -> Drawing:
        """Return the overlay of the picture that is shown last."""
        return self.shown[-1].overlay((1280, 720), (0, 0, 1280, 720))

    def stamps(self) -> list[Stamp]:
        """Return the texts in the overlay of the picture that is shown last."""
        return list(self.drawing().stamps)
