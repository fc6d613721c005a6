"""New settings are applied completely or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from helpers import FakeEstimator, FakeRuntime

from pose_edge.config.diff import Change, find_changes
from pose_edge.config.schema import Settings
from pose_edge.errors import OutputError, PoseEdgeError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.live import reconfigure as reconfigure_module
from pose_edge.live.outputs import Outputs
from pose_edge.live.presenter import Presenter
from pose_edge.live.reconfigure import KEYS, SECTIONS, ChosenModel, Concern, Reconfigurer, concerns
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Provenance
from pose_edge.runtimes.edgetpu.child_supervisor import ChildSupervisor
from pose_edge.runtimes.edgetpu.opening import Failover
from pose_edge.sinks.recorder import Recorder
from pose_edge.telemetry import EDGETPU, Telemetry
from pose_edge.tracking import PoseTracker


class Run:
    """Stands in for all parts of a run, and records their calls."""

    live = True

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ended = False
        self.telemetry = Telemetry()
        self.calls: list[str] = []
        self.loaded: list[tuple[str, FakeEstimator]] = []
        self.estimators: list[object] = []
        self.given: list[Estimator | None] = []
        self.main_thread_calls: list[Callable[[], None]] = []
        self.refuses_poses = False
        self.changed: list[object] = []
        monkeypatch.setattr(reconfigure_module, "load_model_or_replay", self._load_model)
        self.reconfigurer = Reconfigurer(
            Settings(),
            cast(Pipeline, self),
            cast(Presenter, self),
            self.telemetry,
            recorder=cast(Recorder, self),
            outputs=cast(Outputs, self),
            in_main_thread=self.main_thread_calls.append,
            chosen=ChosenModel("movenet-lightning-int8", "one"),
        )

    def apply(self, section: str, **values: object) -> None:
        settings = Settings.model_validate({section: values})
        self.reconfigurer.apply(settings, find_changes(Settings(), settings))

    def _load_model(self, settings: Settings, *_: object, **_named: object) -> FakeEstimator:
        estimator = FakeEstimator()
        self.loaded.append((settings.edgetpu.mode, estimator))
        return estimator

    def describe_source(self) -> str:
        return "pictures"

    def change_options(self, _options: object) -> None:
        self.calls.append("options")

    def change_inference(
        self, estimator: Estimator | None, _tracker: PoseTracker | None = None
    ) -> None:
        self.given.append(estimator)

    def change_overlay(self, _settings: Settings) -> None:
        self.calls.append("overlay")

    def check(self, settings: object, _storage: object) -> None:
        if self.refuses_poses and isinstance(settings, Settings):
            raise OutputError("no such folder")

    def change(self, settings: object, _storage: object) -> None:
        self.changed.append(settings)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("source", {"name": "demo"}),
        ("model", {"name": "movenet-thunder-int8"}),
        ("smoothing", {"mode": "on"}),
        ("record", {"path": "x.mp4"}),
        ("run", {"max_frames": 5}),
    ],
)
def test_after_the_last_picture_only_what_is_shown_can_change(
    run: Run, section: str, values: dict[str, object]
) -> None:
    run.ended = True
    with pytest.raises(PoseEdgeError, match="pictures has been read to its end"):
        run.apply(section, **values)
    assert (run.loaded, run.calls, run.given) == ([], [], [])


def test_after_the_last_picture_the_overlay_can_still_change(run: Run) -> None:
    run.ended = True
    run.apply("overlay", crop=True)
    for call in run.main_thread_calls:
        call()
    assert run.calls == ["options", "overlay"]


def test_a_reload_that_is_refused_does_not_begin_a_recording(run: Run) -> None:
    run.refuses_poses = True
    with pytest.raises(OutputError):
        run.apply("storage", segment=5)
    assert run.changed == []
    run.refuses_poses = False
    run.apply("storage", segment=5)
    assert [type(one).__name__ for one in run.changed] == ["RecordSettings", "Settings"]


def test_outputs_that_are_one_file_are_refused(run: Run, tmp_path: Path) -> None:
    both = str(tmp_path / "both.mp4")
    settings = Settings.model_validate({"record": {"path": both}, "poses": {"path": both}})
    with pytest.raises(UsageError, match="are the same file"):
        run.reconfigurer.apply(settings, find_changes(Settings(), settings))
    assert run.changed == []


def test_a_model_that_is_not_used_is_closed(run: Run) -> None:
    run.refuses_poses = True
    run.telemetry.set_fault(EDGETPU, "none is plugged in")
    settings = Settings.model_validate(
        {"model": {"name": "movenet-thunder-int8"}, "storage": {"segment": 5}}
    )
    with pytest.raises(OutputError):
        run.reconfigurer.apply(settings, find_changes(Settings(), settings))
    ((_mode, estimator),) = run.loaded
    assert estimator.runtime.closed
    assert (run.calls, run.given) == ([], [])
    assert run.telemetry.faults() == {EDGETPU: "none is plugged in"}, "still true"


@pytest.mark.parametrize(("held", "mode"), [(False, "on"), (True, "auto")])
def test_an_edge_tpu_that_the_present_model_holds_is_not_insisted_on(
    run: Run, held: bool, mode: str
) -> None:
    """It may hold it even though the CPU answered the last frame, as after a late answer."""
    run.telemetry.processed({}, Provenance("m", "cpu", "edgetpu late 12:03"), person=False)
    supervisor = SimpleNamespace(holding=held, child=None)
    failover = Failover(FakeRuntime(), cast(ChildSupervisor, supervisor), "m-edgetpu")
    run.estimators = [SimpleNamespace(runtime=failover)]
    run.apply("edgetpu", mode="on")
    assert [loaded for loaded, _estimator in run.loaded] == [mode]
    assert run.given == [run.loaded[0][1]]


# --- which settings affect what -------------------------------------------------------------------


def test_every_section_concerns_something() -> None:
    assert set(SECTIONS) == {name for name, _ in Settings()}
    assert all(SECTIONS.values())


def test_every_key_is_a_setting() -> None:
    assert set(KEYS) <= {f"{name}.{key}" for name, section in Settings() for key, _ in section}


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("camera.width", {Concern.SOURCE}),
        ("camera.mirror", {Concern.PICTURE}),
        ("camera.wait", set()),
        ("model.min_keypoint_score", {Concern.MODEL, Concern.TRACKING}),
        ("storage.segment", {Concern.RECORDING, Concern.OUTPUTS}),
    ],
)
def test_some_keys_concern_something_else_than_their_section(key: str, parts: set[Concern]) -> None:
    assert concerns([Change(key, 1, 2)]) == parts


def test_changes_concern_all_that_each_of_them_does() -> None:
    changes = [Change("overlay.crop", False, True), Change("source.name", "demo", "auto")]
    assert concerns(changes) == {Concern.SOURCE, Concern.PICTURE}


def test_a_chosen_model_answers_where_the_settings_leave_the_choice(run: Run) -> None:
    failed: list[str] = []
    chosen = ChosenModel("movenet-thunder-int8", "one")
    run.reconfigurer.use_model(chosen, lambda: failed.append("x"))
    assert run.given == [], "the settings name a model"
    run.reconfigurer.settings = Settings.model_validate({"model": {"name": "auto"}})
    run.reconfigurer.use_model(chosen, lambda: failed.append("x"))
    run.reconfigurer.use_model(chosen, lambda: failed.append("x"))
    assert run.given == [run.loaded[0][1]], "loaded once"
    assert (run.reconfigurer.chosen, failed) == (chosen, [])


def test_a_chosen_model_that_cannot_be_loaded_changes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **_named: object) -> None:
        raise UsageError("no")

    monkeypatch.setattr(reconfigure_module, "load_model_or_replay", refuse)
    run.reconfigurer.settings = Settings.model_validate({"model": {"name": "auto"}})
    before, failed = run.reconfigurer.chosen, list[str]()
    run.reconfigurer.use_model(ChosenModel("m", "one"), lambda: failed.append("x"))
    assert (run.reconfigurer.chosen, failed, run.given, run.calls) == (before, ["x"], [], [])
