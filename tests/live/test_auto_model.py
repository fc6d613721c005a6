"""`model.name: auto` with a made-up clock, camera and models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import make_frame, make_result

from pose_edge.config.schema import Settings
from pose_edge.live import auto_model as auto_model_module
from pose_edge.live.auto_model import MODEL, AutoModel, Feed, Tuned, TuneRequest, first_model
from pose_edge.poses import Provenance
from pose_edge.telemetry import Telemetry
from pose_edge.tuning.kept import FILE
from pose_edge.tuning.pass_meter import PassMeter

LIGHT, HEAVY, FINDER = "movenet-lightning-int8", "movenet-thunder-int8", "movenet-multipose-int8"
AUTO = Settings.model_validate({"model": {"name": "auto"}})
SEVERAL = Settings.model_validate({"model": {"name": "auto", "people": "several"}})
FRAME = make_frame()


class World:
    """A camera and models with given speeds; frames that come during a pass are skipped."""

    def __init__(self, folder: Path, *, fps: float = 30.0, tune: TuneRequest | None = None) -> None:
        self.now = 1000.0
        self.fps = fps
        self.ms = {LIGHT: 6.0, HEAVY: 15.0, FINDER: 14.0}
        self.broken: set[str] = set()
        self.folder = folder
        self.telemetry = Telemetry(lambda: int(self.now * 1e9))
        self.index = 0
        self.free_at = 0.0
        self.used: list[tuple[str, str]] = []
        self.start(AUTO, tune)

    def start(self, settings: Settings, tune: TuneRequest | None = None) -> None:
        """Start the program, or start it again."""
        self.settings = settings
        self.meter = PassMeter(lambda: self.now)
        self.model = first_model(settings, self.folder, tune)
        self.used = []
        self.auto = AutoModel(
            self.meter,
            self.telemetry,
            self.order,
            self.folder,
            tune=tune,
            clock=lambda: self.now,
        )

    def order(self, name: str, people: str, failed: Callable[[], None]) -> None:
        if name in self.broken:
            failed()
            return
        self.used.append((name, people))
        self.model = name

    def go(self, seconds: float) -> None:
        """Process the frames of some seconds."""
        end = self.now + seconds
        while self.now < end:
            self.now += 1 / self.fps
            self.index += 1
            if self.now >= self.free_at:
                busy_ms = self.ms[self.model]
                self.free_at = self.now + busy_ms / 1000
                live = replace(FRAME, index=self.index, live=True)
                result = make_result(live)
                result.provenance = Provenance(self.model, "cpu")
                result.stages_ms = {"wait": 1.0, "inference": busy_ms, "total": busy_ms + 1.0}
                self.meter.send(result)
            self.auto.look(self.settings, Feed(self.fps, paced=True))

    def answers(self) -> str:
        return self.model

    def fault(self) -> str | None:
        return self.telemetry.faults().get(MODEL)


@pytest.fixture(autouse=True)
def two_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the candidates by two models, whichever models ship."""
    accuracy = {LIGHT: 0.53, HEAVY: 0.63}
    monkeypatch.setattr(auto_model_module, "candidates", lambda _zoo, _people: accuracy)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_fast_machine_gets_the_most_accurate(world: World) -> None:
    world.go(20)
    assert [name for name, _ in world.used[:2]] == [LIGHT, HEAVY]
    assert world.answers() == HEAVY
    assert world.fault() is None


def test_a_slow_machine_begins_light_and_stays_so(world: World) -> None:
    world.ms[HEAVY] = 60.0
    world.go(1)
    assert world.answers() == LIGHT, "there is a picture at once"
    world.go(20)
    assert world.used[-1] == (LIGHT, "one")
    world.go(1000)
    assert world.answers() == LIGHT
    assert len(world.used) == 3


def test_the_choice_is_kept_for_the_next_start(world: World) -> None:
    world.go(20)
    world.start(AUTO)
    assert world.answers() == HEAVY, "from the first frame"
    world.go(20)
    assert world.used == [(HEAVY, "one")], "nothing is measured again"


def test_another_camera_is_measured_anew(world: World) -> None:
    world.go(20)
    world.fps = 90.0
    world.start(AUTO)
    world.go(20)
    assert world.answers() == LIGHT
    assert (HEAVY, "one") in world.used


def test_the_same_is_said_in_the_file(world: World) -> None:
    world.go(20)
    kept = json.loads((world.folder / FILE).read_text())
    assert kept["model"] == HEAVY
    assert kept["rate"] == pytest.approx(30)
    assert [one["model"] for one in kept["timings"]] == [LIGHT, HEAVY]


def test_a_load_that_comes_and_goes(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world.go(100)
    assert world.answers() == HEAVY
    quiet = dict(world.ms)
    world.ms = {name: 4 * ms for name, ms in quiet.items()}  # 24 and 60 ms of 33
    world.go(17)
    assert world.answers() == LIGHT
    assert world.fault() == f"{HEAVY} is too slow at the moment; {LIGHT} answers"
    world.go(600)
    assert world.answers() == LIGHT
    world.ms = quiet
    world.go(55)
    assert world.answers() == LIGHT
    world.go(15)
    assert world.answers() == HEAVY
    assert world.fault() is None
    steps = [text for text in caplog.messages if " in place of " in text]
    assert steps == [
        f"auto: inference has not followed for 10 s; {LIGHT} in place of {HEAVY}",
        f"auto: there is room again; {HEAVY} in place of {LIGHT}",
    ]


def test_several_people_are_measured_with_one_and_with_a_search(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.start(SEVERAL)
    world.go(30)
    assert world.used == [(FINDER, "one"), (LIGHT, "one"), (HEAVY, "one"), (LIGHT, "several")]
    assert json.loads((tmp_path / FILE).read_text())["search_ms"] == 14.0


def test_a_model_that_cannot_be_loaded_is_left_out(world: World) -> None:
    world.broken = {HEAVY}
    world.go(200)
    assert world.answers() == LIGHT


def test_without_any_model_the_run_goes_on(world: World) -> None:
    world.broken = {LIGHT, HEAVY}
    world.go(200)
    assert world.answers() == LIGHT
    assert world.used == []


def test_a_name_in_the_settings_ends_it(world: World) -> None:
    world.go(20)
    world.settings = Settings()
    world.model = LIGHT  # as a reload does
    used = len(world.used)
    world.go(300)
    assert len(world.used) == used
    world.settings = AUTO
    world.go(20)
    assert world.answers() == HEAVY


def test_a_camera_that_is_gone_is_no_pressure(world: World) -> None:
    world.go(100)
    world.now += 3600
    world.go(100)
    assert world.answers() == HEAVY


def test_a_camera_that_is_lost_while_it_is_measured_is_measured_again(world: World) -> None:
    world.go(3)
    world.telemetry.set_fault("source", "gone")
    world.now += 200
    world.auto.look(AUTO, Feed(30.0, paced=True))
    world.telemetry.set_fault("source", None)
    world.go(20)
    assert world.answers() == HEAVY
    assert json.loads((world.folder / FILE).read_text())["rate"] == pytest.approx(30)


def test_a_step_that_cannot_be_made_leaves_the_model_as_it_is(world: World) -> None:
    world.go(100)
    world.broken = {LIGHT}
    world.ms = {name: 4 * ms for name, ms in world.ms.items()}
    world.go(300)
    assert world.answers() == HEAVY
    assert world.fault() is None


def test_tune_says_what_it_measured(tmp_path: Path) -> None:
    found: list[Tuned] = []
    world = World(tmp_path, tune=TuneRequest(found.append, target_fps=60.0))
    world.ms[HEAVY] = 20.0
    world.go(20)
    assert len(found) == 1
    assert found[0].choice.model == LIGHT
    assert found[0].choice.fps == 60.0
    assert [round(one.median_ms) for one in found[0].timings] == [6, 20]
    assert not (tmp_path / FILE).exists(), "the rate is not the camera's"


def test_what_has_no_rate_gets_the_most_accurate(world: World) -> None:
    world.meter.send(make_result())
    world.auto.look(AUTO, Feed(1.0, paced=False))
    assert world.used == [(HEAVY, "one")]
    assert not (world.folder / FILE).exists()
