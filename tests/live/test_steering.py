"""Tests of changes that the page and brokers request, together with those that keys make."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from helpers import wait_until
from presenting import Bench
from run_states import run_state

from pose_edge.config.schema import Settings
from pose_edge.live.page_access import page_access
from pose_edge.live.presenter import Presenter
from pose_edge.live.reload import Reloader, SettingChange
from pose_edge.live.steering import SettingSteering
from pose_edge.supervision.sd_notify import SystemdNotifier
from pose_edge.web.state_record import unsaved


class SteeredRun:
    """A presenter whose settings are changed as the page does it, and as keys do it."""

    def __init__(self, bench: Bench) -> None:
        self.presenter = bench.presenter
        self.answers: list[str] = []
        self._calls: list[Callable[[], None]] = []
        self._reloader = Reloader(
            Settings(),
            Settings,
            lambda settings, _changes: self._calls.append(
                lambda: self.presenter.change_overlay(settings)
            ),
            SystemdNotifier(None),
        )
        self._steering = SettingSteering(
            self._reloader.request, self._calls.append, lambda: self.presenter
        )
        self.access = page_access(
            run_state,
            self._steering,
            self._reloader,
            self.presenter,
            in_main_thread=self._calls.append,
            config=None,
        )

    def change(self, key: str, value: object) -> str:
        """Change a setting as the page does, and return the answer."""
        self.answers.clear()
        self._steering.change(key, value, self.answers.append)
        wait_until(lambda: bool(self._calls or self.answers))
        self._reloader.close()
        while self._calls:
            self._calls.pop(0)()
        return self.answers[0]

    @property
    def shown(self) -> tuple[str, str]:
        """The background that is drawn, and the one that the page names."""
        return self.presenter.overlay.background, self.access.settings().overlay.background


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> SteeredRun:
    return SteeredRun(Bench(monkeypatch))


def test_the_page_hides_the_camera_again_after_a_key_has_shown_it(run: SteeredRun) -> None:
    assert run.change("overlay.background", "black") == "overlay.background: black"
    assert run.shown == ("black", "black")
    run.presenter.draw_with(background="camera")  # what the key b does
    assert run.shown == ("camera", "camera"), "the page says what is shown"
    assert run.change("overlay.background", "black") == "overlay.background: black"
    assert run.shown == ("black", "black")


def test_the_page_shows_the_camera_again_after_a_key_has_hidden_it(run: SteeredRun) -> None:
    run.presenter.draw_with(background="black")
    assert run.shown == ("black", "black")
    assert unsaved(run.access.settings(), run.access.configured()) == ["overlay.background"]
    run.change("overlay.background", "camera")
    assert run.shown == ("camera", "camera")


def test_other_changes_leave_what_a_key_has_hidden(run: SteeredRun) -> None:
    run.presenter.draw_with(background="black")
    run.change("camera.mirror", value=True)
    run.change("overlay.min_keypoint_score", 0.5)
    assert run.shown == ("black", "black")


def test_a_refused_change_draws_nothing(run: SteeredRun) -> None:
    run.presenter.draw_with(background="black")
    assert run.change("overlay.background", "pink").startswith("not changed: ")
    assert run.change("overlay.none", 1).startswith("not changed: ")
    assert run.shown == ("black", "black")


def test_an_output_asks_for_a_change_of_one_setting() -> None:
    asked: list[SettingChange] = []
    said: list[str] = []
    steering = SettingSteering(asked.append, lambda call: call(), lambda: cast(Presenter, None))
    steering.change("edgetpu.mode", "off", said.append)
    (change,) = asked
    settings, words = change.make(Settings())
    assert (settings.edgetpu.mode, words) == ("off", "edgetpu.mode: off")
    assert settings.model_copy(update={"edgetpu": Settings().edgetpu}) == Settings()
    change.answer(words)
    assert said == ["edgetpu.mode: off"]
