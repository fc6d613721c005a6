"""Carry out what the keys of the key table ask for, and confirm it on the screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.displays import CLOSED
from pose_edge.live.choices import with_camera, with_next_model
from pose_edge.live.keys import ACTIONS, Action
from pose_edge.live.presenter import Presenter
from pose_edge.live.reload import SettingChange
from pose_edge.overlay import Scene
from pose_edge.overlay.notices import FAULT_S
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.snapshots import Snapshots, snapshots

READOUTS: Final = ("short", "full", "off")
BACKGROUNDS: Final = ("camera", "black", "blur")
"""The values that a key cycles through."""

BUSY_S: Final = 60.0
"""Longest time to show that work is in progress, seconds; its outcome replaces this notice."""


class Controls:
    """Carries out key presses. Only the main thread uses it."""

    def __init__(
        self,
        presenter: Presenter,
        pipeline: Pipeline,
        *,
        change: Callable[[SettingChange], None],
        in_main_thread: Callable[[Callable[[], None]], None],
        locked: Callable[[], bool],
    ) -> None:
        """Create the controls.

        Args:
            presenter: The screen, whose keys are read.
            pipeline: The pipeline, which can be paused, resumed and stepped.
            change: Requests a change of settings, which another thread carries out.
            in_main_thread: Schedules a function to be called in the main thread.
            locked: Returns whether keys are ignored.
        """
        self._presenter = presenter
        self._pipeline = pipeline
        self._change = change
        self._in_main_thread = in_main_thread
        self._locked = locked
        self._snapshots: Snapshots | None = None

    def handle_keys(self) -> bool:
        """Handle the keys pressed since the last call, and return whether the run is to end.

        Raises:
            DesktopEnded: The window cannot be used any more.
        """
        end = False
        for name in self._presenter.poll():
            if name == CLOSED:
                end = True
            elif (action := ACTIONS.get(name)) is not None and not self._locked():
                end = end or action is Action.QUIT
                self._do(action, name)
        return end

    def close(self) -> None:
        """Wait until the requested snapshots are saved."""
        if self._snapshots is not None:
            self._snapshots.close()

    def _do(self, action: Action, name: str) -> None:  # noqa: PLR0912 - one for each action
        notices, overlay = self._presenter.notices, self._presenter.overlay
        match action:
            case Action.HELP:
                notices.help = not notices.help
            case Action.PAUSE:
                self._pause_or_go_on()
            case Action.STEP:
                self._step()
            case Action.SNAPSHOT:
                self._save()
            case Action.MODEL:
                self._choose(with_next_model, "loading the next model ...")
            case Action.CAMERA:
                choose = partial(with_camera, number=int(name))
                self._choose(choose, f"looking for camera {name} ...")
            case Action.BACKGROUND:
                background = _next(BACKGROUNDS, overlay.background)
                self._presenter.draw_with(background=background)
                notices.say(f"background: {background}")
            case Action.SKELETON:
                self._presenter.draw_with(skeleton=not overlay.skeleton)
                notices.say(f"skeletons: {_on(not overlay.skeleton)}")
            case Action.READOUT:
                readout = _next(READOUTS, overlay.readout)
                self._presenter.draw_with(readout=readout)
                notices.say(f"read-out: {readout}")
            case Action.CROP:
                self._presenter.draw_with(crop=not overlay.crop)
                notices.say(f"part that the model sees: {_on(not overlay.crop)}")
            case Action.PAGE:
                self._show_page()
            case Action.FULLSCREEN:
                full = self._presenter.toggle_fullscreen()
                words = {True: "full screen", False: "window", None: "there is no window"}
                notices.say(words[full])
            case Action.QUIT:
                notices.say("quitting")

    def _show_page(self) -> None:
        notices, page = self._presenter.notices, self._presenter.page
        if page.reachable:
            notices.code = not notices.code
        elif page.address is not None:
            notices.say(f"{page.address} (this machine only)", FAULT_S)
        else:
            notices.say("there is no page: start with --web 8080", FAULT_S)

    def _pause_or_go_on(self) -> None:
        paused = self._pipeline.paused
        if paused:
            self._pipeline.resume()
        else:
            self._pipeline.pause()
        self._presenter.notices.say("going on" if paused else "paused")

    def _step(self) -> None:
        if self._pipeline.live:
            said = "only a file has a next picture"
        elif self._pipeline.paused:
            self._pipeline.step()
            said = "next picture"
        else:
            said = "pause first: space"
        self._presenter.notices.say(said)

    def _save(self) -> None:
        if not self._presenter.take_picture(self._send_snapshot):
            self._presenter.notices.say("there is no picture to save")

    def _send_snapshot(self, scene: Scene, result: Result) -> None:
        if self._snapshots is None:
            self._snapshots = snapshots(self._say_later)
            self._snapshots.open()
        self._snapshots.send(self._presenter.draw(scene), scene.order, result)

    def _choose(self, make: Callable[[Settings], tuple[Settings, str]], said: str) -> None:
        self._presenter.notices.say(said, BUSY_S)
        self._change(SettingChange(make, self._say_later))

    def _say_later(self, text: str) -> None:
        self._in_main_thread(lambda: self._presenter.notices.say(text, FAULT_S))


def _next(values: tuple[str, ...], present: str) -> str:
    return values[(values.index(present) + 1) % len(values)]


def _on(state: bool) -> str:
    return "on" if state else "off"
