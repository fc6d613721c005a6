from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from helpers import wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.logs import repeats
from pose_edge.logs.formats import TextFormatter
from pose_edge.logs.redaction import Redactor
from pose_edge.logs.repeats import KINDS, VARIANTS, WINDOW_S, Repeats
from pose_edge.logs.stderr import Stderr


@dataclass
class FakeTimer:
    due: float
    call: Callable[[], None]
    waiting: bool = False

    def start(self) -> None:
        self.waiting = True

    def cancel(self) -> None:
        self.waiting = False


class Kept(Stderr):
    """Keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(TextFormatter(Redactor()))
        self.got: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.got.append((record.levelname, record.getMessage()))


class Bench:
    """A log with a clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[FakeTimer] = []
        self.kept = Kept()
        self.handler = Repeats(self.kept, clock=lambda: self.now, timer=self._timer)
        self.logger = logging.Logger("pose_edge.camera")
        self.logger.addHandler(self.handler)

    def _timer(self, seconds: float, call: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(self.now + seconds, call))
        return self.timers[-1]

    def sleep(self, seconds: float) -> None:
        """Let time go by, and timers ring when they are due."""
        end = self.now + seconds
        while due := [one for one in self.timers if one.waiting and one.due <= end]:
            first = min(due, key=lambda one: one.due)
            first.waiting = False
            self.now = max(self.now, first.due)
            first.call()
        self.now = end

    @property
    def texts(self) -> list[str]:
        return [text for _level, text in self.kept.got]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_is_immediate_and_the_others_are_summed_up(bench: Bench) -> None:
    for _ in range(38):
        bench.logger.warning("%s is gone", "/dev/video0")
        bench.sleep(1)
    assert bench.texts == ["/dev/video0 is gone"]
    bench.sleep(WINDOW_S)
    assert bench.kept.got == [
        ("WARNING", "/dev/video0 is gone"),
        ("WARNING", "... 37 more in 60 s: /dev/video0 is gone"),
    ]


def test_the_summary_comes_though_nothing_else_is_logged(bench: Bench) -> None:
    bench.logger.error("stuck")
    assert not bench.timers, "nothing to wait for"
    bench.sleep(20)
    bench.logger.error("stuck")
    bench.sleep(39)
    assert len(bench.texts) == 1
    bench.sleep(1)
    assert bench.texts == ["stuck", "... 1 more in 60 s: stuck"]


def test_as_long_as_it_goes_on_there_is_one_line_a_window(bench: Bench) -> None:
    for _ in range(600):
        bench.logger.warning("again")
        bench.sleep(1)
    assert bench.texts[0] == "again"
    assert 9 <= len(bench.texts[1:]) <= 10
    assert all(re.fullmatch(r"\.\.\. (59|60) more in 60 s: again", one) for one in bench.texts[1:])


def test_after_a_quiet_window_it_is_a_first_again(bench: Bench) -> None:
    bench.logger.warning("again")
    bench.sleep(WINDOW_S + 1)
    bench.logger.warning("again")
    assert bench.texts == ["again", "again"]


def test_other_figures_are_no_repetition_up_to_a_limit(bench: Bench) -> None:
    for number in range(VARIANTS + 5):
        bench.logger.info("%.1f fps", number / 10)
    bench.sleep(WINDOW_S)
    assert len(bench.texts) == VARIANTS + 1
    assert bench.texts[-1] == f"... 5 more in 60 s, the last: {(VARIANTS + 4) / 10} fps"


def test_a_status_every_ten_seconds_is_never_held_back(bench: Bench) -> None:
    for number in range(100):
        bench.logger.info("%d frames", number)
        bench.sleep(10)
    assert bench.texts == [f"{number} frames" for number in range(100)]


def test_figures_in_the_form_itself_are_figures(bench: Bench) -> None:
    for number in range(1000):
        bench.logger.warning(f"frame {number} is broken")
    bench.handler.flush()
    assert len(bench.texts) == VARIANTS + 1


def test_a_form_without_words_says_nothing_of_the_kind(bench: Bench) -> None:
    for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta") * 2:
        bench.logger.warning("%s: %s", "child", word)
    assert len(bench.texts) == 7


def test_another_level_or_logger_is_another_kind(bench: Bench) -> None:
    other = logging.Logger("pose_edge.screen")
    other.addHandler(bench.handler)
    for logger in (bench.logger, other):
        logger.warning("gone")
        logger.error("gone")
    assert len(bench.texts) == 4


def test_another_error_is_no_repetition(bench: Bench) -> None:
    for error in (ValueError("a"), ValueError("a"), KeyError("a")):
        bench.logger.error("failed", exc_info=error)
    assert len(bench.texts) == 2


def test_details_are_never_held_back(bench: Bench) -> None:
    for _ in range(50):
        bench.logger.debug("detail")
    assert bench.texts == ["detail"] * 50


def test_the_end_of_the_program_tells_what_was_held_back(bench: Bench) -> None:
    bench.logger.warning("again")
    bench.logger.warning("again")
    bench.sleep(5)
    bench.handler.close()
    assert bench.texts == ["again", "... 1 more in 5 s: again"]
    assert not any(timer.waiting for timer in bench.timers)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, KINDS * 2), st.floats(0.0, 90.0)), max_size=300))
def test_every_message_is_counted_and_memory_is_bounded(events: list[tuple[int, float]]) -> None:
    bench = Bench()
    for kind, pause in events:
        bench.logger.warning("x" * kind + "!")
        bench.sleep(pause)
        assert len(bench.handler._windows) <= KINDS
    bench.handler.close()
    summaries = [re.match(r"\.\.\. (\d+) more", text) for text in bench.texts]
    told = sum(int(one[1]) if one else 1 for one in summaries)
    assert told == len(events)
    assert {text.rpartition(": ")[2] for text in bench.texts} == {
        "x" * kind + "!" for kind, _pause in events
    }


def test_a_timer_that_rings_a_little_early_is_set_again_and_not_over_and_over(
    bench: Bench,
) -> None:
    bench.now = 1e9 / 3
    bench.logger.warning("again")
    bench.sleep(0.1)
    bench.logger.warning("again")
    for early in (WINDOW_S - 0.1 - 1e-7, 0.0, 0.0):
        bench.now += early
        bench.timers[-1].waiting = False
        bench.timers[-1].call()
    assert len(bench.texts) == 1
    assert bench.timers[-1].due > bench.now
    bench.sleep(1)
    assert len(bench.texts) == 2


def test_the_oldest_kinds_are_forgotten_and_told_then(bench: Bench) -> None:
    bench.logger.warning("first")
    bench.logger.warning("first")
    for number in range(KINDS):
        bench.logger.warning("x" * (number + 1))
    assert bench.texts[-2] == "... 1 more in 1 s: first"


def test_a_real_timer_tells_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "WINDOW_S", 0.2)
    before = threading.active_count()
    handler = Repeats(kept := Kept())
    logger = logging.Logger("pose_edge.camera")
    logger.addHandler(handler)
    logger.warning("again")
    logger.warning("again")
    wait_until(lambda: len(kept.got) == 2, "the summary")
    assert kept.got[-1][1] == "... 1 more in 1 s: again"
    handler.close()
    wait_until(lambda: threading.active_count() == before, "the timer's end")


def test_without_a_thread_to_be_had_nothing_is_lost() -> None:
    class NoThread(FakeTimer):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    kept = Kept()
    handler = Repeats(kept, timer=NoThread)
    logger = logging.Logger("pose_edge.camera")
    logger.addHandler(handler)
    for _ in range(3):
        logger.warning("again")
    handler.close()
    assert len(kept.got) == 2
