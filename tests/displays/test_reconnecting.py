from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from screens import add_output, bring_to_front, plain, scene_of

from pose_edge import displays
from pose_edge.config.schema import DisplaySettings
from pose_edge.displays import DesktopEnded, Display, open_display
from pose_edge.displays.choice import Choice
from pose_edge.displays.display import ScreenYielded
from pose_edge.displays.reconnecting import (
    CHECK_INTERVAL_S,
    LAST_RETRY_S,
    PROVEN_S,
    ReconnectingDisplay,
)
from pose_edge.displays.terminal import Console
from pose_edge.errors import DisplayError
from pose_edge.overlay import Scene
from pose_edge.telemetry import Stopwatch

HDMI = Choice("a reason")
OTHER = Choice("another one")
SCENE = scene_of(plain(64, 48, (255, 0, 0)))


def is_open(display: Display) -> bool:
    """Return `visible`; asserted directly, mypy would take the attribute for a constant."""
    return display.visible


def last_fault(bench: Bench) -> str | None:
    """Return the last reported fault; a function for the same reason as `is_open`."""
    return bench.fault


class FakeScreen(Display):
    """A screen that raises `failure`, if set, when it is used."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.shown = 0
        self.closed = 0
        self.typed: list[str] = []

    @property
    def name(self) -> str:
        return "fake"

    @property
    def visible(self) -> bool:
        return True

    def show(self, scene: Scene, stopwatch: Stopwatch) -> bool:
        if self.failure is not None:
            raise self.failure
        self.shown += 1
        return True

    def poll(self) -> list[str]:
        if self.failure is not None:
            raise self.failure
        typed, self.typed = self.typed, []
        return typed

    def close(self) -> None:
        self.closed += 1


class Bench:
    """A reconnecting display with fake screens, and a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.there: list[Choice] = []
        self.refusal: DisplayError | None = None
        self.screens: list[FakeScreen] = []
        self.looks = 0
        self.attempts: list[float] = []
        self.fault: str | None = "never reported"
        self.prepared = 0
        self.display = ReconnectingDisplay(
            self._look, self._open, self._report, prepare=self._prepare, clock=lambda: self.now
        )

    def _look(self) -> Sequence[Choice]:
        self.looks += 1
        return list(self.there)

    def _open(self, choice: Choice) -> FakeScreen:
        self.attempts.append(self.now)
        if self.refusal is not None:
            raise self.refusal
        self.screens.append(FakeScreen())
        return self.screens[-1]

    def _report(self, fault: str | None) -> None:
        self.fault = fault

    def _prepare(self) -> None:
        self.prepared += 1

    def live(self, seconds: float) -> list[str]:
        """Poll and show as a run does; return keys, and "opened" whenever a screen was opened."""
        found = []
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            before = is_open(self.display)
            found += self.display.poll()
            if is_open(self.display) and not before:
                found.append("opened")
            self.display.show(SCENE, Stopwatch())
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_screen_that_is_plugged_in_later_is_opened_within_two_seconds(bench: Bench) -> None:
    assert bench.display.try_to_open() == []
    assert not is_open(bench.display)
    assert bench.live(60) == []
    bench.there = [HDMI]
    plugged = bench.now
    assert bench.live(2) == ["opened"]
    assert bench.attempts[0] - plugged <= CHECK_INTERVAL_S + 0.03
    assert is_open(bench.display)
    assert bench.display.name == "fake"
    assert bench.fault is None
    assert bench.screens[0].shown > 50


def test_what_needs_no_screen_is_done_once_while_one_is_waited_for(bench: Bench) -> None:
    bench.display.try_to_open()
    assert bench.prepared == 0
    bench.live(10)
    assert bench.prepared == 1
    bench.there = [HDMI]
    bench.live(2)
    bench.there = []
    bench.screens[0].failure = DisplayError("unplugged")
    bench.live(10)
    assert bench.prepared == 1


@pytest.mark.parametrize("closes", [True, False])
def test_an_internal_error_costs_the_screen_only_for_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    bench.live(PROVEN_S)
    screen = bench.screens[0]
    if not closes:
        monkeypatch.setattr(screen, "close", lambda: 1 / 0)
    screen.failure = ZeroDivisionError("a bug")
    bench.live(0.1)
    assert not is_open(bench.display)
    faults = [bench.fault]
    bench.live(2)
    assert is_open(bench.display)
    assert [*faults, bench.fault] == ["the screen has failed: a bug", None]
    assert len(bench.screens) == 2


def test_the_end_of_the_desktop_is_passed_on(bench: Bench) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    bench.screens[0].failure = DesktopEnded("the desktop has ended")
    with pytest.raises(DesktopEnded):
        bench.display.poll()
    with pytest.raises(DesktopEnded):
        bench.display.show(SCENE, Stopwatch())
    assert len(bench.screens) == 1
    assert bench.screens[0].closed == 0


def test_looking_for_a_screen_is_rare(bench: Bench) -> None:
    bench.display.try_to_open()
    bench.live(60)
    assert bench.looks < 60 / CHECK_INTERVAL_S + 2


@pytest.mark.parametrize("count", [3])
def test_a_pulled_screen_comes_back_every_time(
    bench: Bench, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    for number in range(1, count + 1):
        bench.live(30)
        bench.there = []
        bench.screens[-1].failure = DisplayError("it was unplugged")
        assert bench.live(10) == []
        assert last_fault(bench) == "it was unplugged"
        assert bench.screens[-1].closed == 1
        assert not is_open(bench.display)
        bench.there = [HDMI]
        assert bench.live(2) == ["opened"]
        assert last_fault(bench) is None
        assert len(bench.screens) == number + 1
    warned = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warned) == count


def test_a_screen_that_cannot_be_opened_is_tried_ever_more_rarely_and_said_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.there = [HDMI]
    bench.refusal = DisplayError("no right to use it")
    (error,) = bench.display.try_to_open()
    assert error is bench.refusal
    bench.live(120)
    gaps = np.diff(bench.attempts)
    assert gaps[0] <= 2 * CHECK_INTERVAL_S + 0.05
    assert gaps[-1] > LAST_RETRY_S - 0.05
    assert len(bench.attempts) < 25
    assert bench.fault == "no right to use it"
    said = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(said) == 1
    bench.refusal = None
    assert bench.live(LAST_RETRY_S + 1) == ["opened"]


def test_another_screen_is_tried_at_once(bench: Bench) -> None:
    bench.there = [HDMI]
    bench.refusal = DisplayError("it has no mode")
    bench.display.try_to_open()
    bench.live(60)
    bench.there = [OTHER]
    bench.refusal = None
    assert bench.live(1) == ["opened"]


def test_the_best_that_can_be_opened_is_taken(bench: Bench) -> None:
    opened: list[Choice] = []

    def open_choice(choice: Choice) -> FakeScreen:
        if choice is HDMI:
            raise DisplayError("not this one")
        opened.append(choice)
        return FakeScreen()

    display = ReconnectingDisplay(lambda: [HDMI, OTHER], open_choice, lambda _fault: None)
    errors = display.try_to_open()
    assert [str(error) for error in errors] == ["not this one"]
    assert opened == [OTHER]
    assert is_open(display)


def test_a_screen_that_fails_as_soon_as_it_is_opened_is_not_opened_all_the_time(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    for _ in range(round(120 / 0.02)):
        bench.now += 0.02
        bench.display.poll()
        if bench.display.visible:
            bench.screens[-1].failure = DisplayError("it flickers")
    assert len(bench.screens) < 25
    said = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(said) == 1


def test_a_screen_left_to_another_terminal_is_no_fault(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    bench.live(10)
    bench.there = []
    bench.screens[0].failure = ScreenYielded("tty2 is in front")
    bench.live(30)
    assert bench.fault is None
    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
    bench.there = [HDMI]
    assert bench.live(1) == ["opened"]


def test_keys_are_handed_on_and_closing_twice_does_no_harm(bench: Bench) -> None:
    bench.there = [HDMI]
    bench.display.try_to_open()
    bench.screens[0].typed = ["s", "q"]
    assert bench.display.poll() == ["s", "q"]
    bench.display.close()
    bench.display.close()
    assert bench.screens[0].closed == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["plug", "pull", "fail", "refuse", "accept", "wait"]), max_size=25))
def test_whatever_happens_a_good_screen_is_open_again_soon(events: list[str]) -> None:
    bench = Bench()
    bench.display.try_to_open()
    for event in events:
        if event == "plug":
            bench.there = [HDMI]
        elif event == "pull":
            bench.there = []
            if bench.display.visible:
                bench.screens[-1].failure = DisplayError("pulled")
        elif event == "fail" and bench.display.visible:
            bench.screens[-1].failure = DisplayError("failed")
        elif event == "refuse":
            bench.refusal = DisplayError("refused")
        elif event == "accept":
            bench.refusal = None
        bench.live(1)
        opened, closed = len(bench.screens), sum(screen.closed for screen in bench.screens)
        assert opened - closed == int(bench.display.visible)
        assert (bench.fault is None) >= bench.display.visible
    bench.there, bench.refusal = [HDMI], None
    bench.live(LAST_RETRY_S + 2)
    assert is_open(bench.display)


# --- open_display, with a fake sysfs --------------------------------------------------------------


@pytest.fixture
def fake_kms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the opening of real screens; return a list that collects the opened outputs."""
    opened: list[str] = []

    class FakeKms(FakeScreen):
        def __init__(self, choice: Choice, console: Console) -> None:
            super().__init__()
            self._choice, self._console = choice, console

        def poll(self) -> list[str]:
            assert self._choice.output is not None
            if self._console.other_in_front() is not None:
                raise ScreenYielded("another terminal is in front")
            if not self._choice.output.connected():
                raise DisplayError("unplugged")
            return []

    def open_choice(choice: Choice, _settings: DisplaySettings, console: Console) -> FakeKms:
        assert choice.output is not None
        opened.append(f"card{choice.output.card} {choice.output.name}")
        return FakeKms(choice, console)

    monkeypatch.setattr(displays, "_open", open_choice)
    monkeypatch.setattr("pose_edge.displays.reconnecting.CHECK_INTERVAL_S", 0.0)
    monkeypatch.setattr("pose_edge.displays.reconnecting.FIRST_RETRY_S", 0.0)
    return opened


def test_screens_come_and_go_and_the_card_number_changes(
    tmp_path: Path, fake_kms: list[str]
) -> None:
    faults: list[str | None] = []
    display = open_display(DisplaySettings(kind="hdmi"), {}, tmp_path, faults.append)
    assert not is_open(display)
    assert "no screen is connected" in str(faults[-1])
    folder = add_output(tmp_path, "card1-HDMI-A-1", "connected")
    assert display.poll() == []
    assert is_open(display)
    (folder / "status").write_text("disconnected\n")
    assert display.poll() == []
    assert faults[-2:] == [None, "unplugged"]
    second = add_output(tmp_path, "card0-HDMI-A-2", "connected")
    assert display.poll() == []
    assert is_open(display)
    assert fake_kms == ["card1 HDMI-A-1", "card0 HDMI-A-2"]
    (second / "status").unlink()  # the card itself is removed
    display.poll()
    assert not is_open(display)
    display.close()


def test_the_screen_is_left_to_a_terminal_in_front_and_taken_back(
    tmp_path: Path, fake_kms: list[str]
) -> None:
    bring_to_front(tmp_path, "tty1")
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    faults: list[str | None] = []
    display = open_display(DisplaySettings(), {}, tmp_path, faults.append)
    assert is_open(display)
    bring_to_front(tmp_path, "tty2")
    for _ in range(3):
        assert display.poll() == []
    assert not is_open(display)
    assert faults[-1] is None
    bring_to_front(tmp_path, "tty1")
    assert display.poll() == []
    assert is_open(display)
    assert len(fake_kms) == 2


def test_auto_without_a_screen_waits_for_one_without_a_fault(
    tmp_path: Path, fake_kms: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[str | None] = []
    display = open_display(DisplaySettings(), {}, tmp_path, faults.append)
    assert display.poll() == []
    assert faults == []
    assert "nothing is shown yet: no screen" in caplog.text
    add_output(tmp_path, "card1-HDMI-A-1", "connected")
    assert display.poll() == []
    assert is_open(display)


def test_a_page_takes_the_place_of_a_screen(tmp_path: Path) -> None:
    display = open_display(DisplaySettings(kind="web"), {"DISPLAY": ":0"}, tmp_path)
    assert (display.name, display.visible) == ("web", True)
    assert display.poll() == []
