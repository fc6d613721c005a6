from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from helpers import make_frame, make_result, wait_until
from presenting import Bench

from pose_edge.config.schema import Settings
from pose_edge.displays import CLOSED
from pose_edge.live.controls import Controls
from pose_edge.live.keys import ACTIONS, KEYS, Action
from pose_edge.live.reload import SettingChange
from pose_edge.overlay import Notices
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.telemetry import SOURCE


class KeptNotices(Notices):
    """Notices that also collect their texts in a list."""

    def __init__(self, said: list[str]) -> None:
        super().__init__([(key.shown, key.meaning) for key in KEYS])
        self._said = said

    def say(self, text: str, seconds: float = 1.0) -> None:
        self._said.append(text)
        super().say(text, seconds)


class Desk:
    """Controls of a presenter with a fake screen; their notices are collected in `said`."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.said: list[str] = []
        self.changes: list[SettingChange] = []
        self.calls: list[Callable[[], None]] = []
        self.locked = False
        bench.presenter.notices = KeptNotices(self.said)
        self.controls = Controls(
            bench.presenter,
            cast(Pipeline, bench.pipeline),
            change=self.changes.append,
            in_main_thread=self.calls.append,
            locked=lambda: self.locked,
        )

    def press(self, *keys: str) -> bool:
        self.bench.screens[-1].typed = list(keys)
        return self.controls.handle_keys()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(Bench(monkeypatch))


def test_every_action_has_one_line_in_the_table_and_no_key_has_two() -> None:
    assert [key.action for key in KEYS] == list(Action)
    names = [name for key in KEYS for name in key.names]
    assert len(names) == len(set(names)) == len(ACTIONS)


def test_every_key_says_what_it_did(desk: Desk) -> None:
    for name, action in ACTIONS.items():
        before = len(desk.said)
        desk.press(name)
        if action not in (Action.HELP, Action.SNAPSHOT):  # these tell it elsewhere or later
            assert len(desk.said) == before + 1, name
    assert not desk.press("x", "up", "left shift", "")


def test_the_keys_are_shown_on_the_screen(desk: Desk) -> None:
    desk.bench.presenter.show_result(make_result())
    before = len(desk.bench.stamps())
    for name in ("h", "?"):
        desk.press(name)
        assert desk.bench.presenter.notices.help == (name == "h")
        assert len(desk.bench.stamps()) == before + (name == "h")


def test_quitting(desk: Desk) -> None:
    assert desk.press("q")
    assert desk.press("escape")
    assert desk.press("s", CLOSED)
    desk.locked = True
    assert not desk.press("q", "escape", "s", "b", "h", "m")
    assert desk.bench.presenter.overlay.skeleton is False, "as before"
    assert desk.changes == []
    assert desk.press(CLOSED), "the desktop may close the window"


def test_keys_change_what_is_drawn(desk: Desk) -> None:
    seen = []
    for key in "iiibbbssccf":
        desk.press(key)
        overlay = desk.bench.presenter.overlay
        seen.append((overlay.readout, overlay.background, overlay.skeleton, overlay.crop))
    assert [one[0] for one in seen[:3]] == ["full", "off", "short"]
    assert [one[1] for one in seen[3:6]] == ["black", "blur", "camera"]
    assert [one[2] for one in seen[6:8]] == [False, True]
    assert [one[3] for one in seen[8:10]] == [True, False]
    assert desk.said[:5] == [
        *("read-out: full", "read-out: off", "read-out: short"),
        *("background: black", "background: blur"),
    ]
    assert desk.said[-1] == "full screen"


def test_pause_and_step(desk: Desk) -> None:
    desk.bench.pipeline.live = False
    desk.press(".", "space")
    assert desk.bench.pipeline.paused
    gate = desk.bench.pipeline.gate
    assert [gate.wait(0), gate.wait(0)] == [True, False], "one more frame, to be held"
    desk.press(".")
    assert [gate.wait(0), gate.wait(0)] == [True, False]
    desk.press("space")
    assert gate.wait(0)
    assert desk.said == ["pause first: space", "paused", "next picture", "going on"]
    desk.bench.pipeline.live = True
    desk.press(".")
    assert desk.said[-1] == "only a file has a next picture"


def test_a_picture_and_its_poses_are_saved_and_their_path_is_said(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk.press("p")
    desk.bench.presenter.show_result(make_result(make_frame()))
    desk.controls.close()
    (picture,), (poses,) = tmp_path.glob("*.jpg"), tmp_path.glob("*.json")
    assert picture.stem == poses.stem
    wait_until(lambda: bool(desk.calls), "the answer")
    desk.calls[0]()
    assert desk.said == [f"saved {picture}"]


def test_a_message_is_no_picture(desk: Desk) -> None:
    desk.bench.telemetry.set_fault(SOURCE, "no camera (since 12:00:00)")
    desk.bench.presenter.show_no_result()
    desk.press("p")
    assert desk.said == ["there is no picture to save"]


def test_a_model_and_a_camera_are_asked_for_and_the_answer_is_said(desk: Desk) -> None:
    desk.press("m", "3")
    model, camera = desk.changes
    settings, words = model.make(Settings())
    assert settings.model.name == "movenet-lightning-fp16"
    assert words == "model: movenet-lightning-fp16"
    camera.answer("not changed: there is no camera 3")
    desk.calls[0]()
    assert desk.said[-1] == "not changed: there is no camera 3"


def test_the_page_is_shown_as_a_code_where_other_machines_can_reach_it(desk: Desk) -> None:
    page = desk.bench.page
    desk.press("w")
    assert desk.said[-1].startswith("there is no page")
    page.address = "http://127.0.0.1:8080"
    desk.press("w")
    assert desk.said[-1] == "http://127.0.0.1:8080 (this machine only)"
    shown = [desk.bench.presenter.notices.code]
    page.address, page.reachable = "http://192.168.1.7:8080", True
    for _ in range(2):
        desk.press("w")
        shown.append(desk.bench.presenter.notices.code)
    assert shown == [False, True, False]
