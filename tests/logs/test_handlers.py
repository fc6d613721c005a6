from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from helpers import wait_until
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_edge.logs import handlers
from pose_edge.logs.formats import Formatter
from pose_edge.logs.handlers import VARIANTS, WINDOW_S, SummingHandler
from pose_edge.util.urls import Redactor


class Bench:
    """A log with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stream = io.StringIO()
        formatter = Formatter("journal", Redactor())
        self.handler = SummingHandler(formatter, clock=lambda: self.now)
        self.logger = logging.Logger("pose_edge.camera")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    @property
    def texts(self) -> list[str]:
        return [line.partition(">")[2] for line in self.lines]


def timers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench()
    # Between fixtures and test pytest replaces sys.stderr by its own stream.
    monkeypatch.setattr(handlers, "sys", SimpleNamespace(stderr=bench.stream))
    yield bench
    bench.handler.close()


def test_the_first_is_immediate_and_the_others_are_summed_up(bench: Bench) -> None:
    for _ in range(38):
        bench.logger.warning("%s is gone", "/dev/video0")
        bench.now += 1
    assert bench.lines == ["<4>/dev/video0 is gone"]
    bench.now = 100.0 + WINDOW_S
    bench.handler.flush()
    assert bench.lines == ["<4>/dev/video0 is gone", "<4>... 37 more in 60 s: /dev/video0 is gone"]


def test_as_long_as_it_goes_on_there_is_one_line_a_window(bench: Bench) -> None:
    for _ in range(600):
        bench.logger.warning("again")
        bench.now += 1
    assert bench.texts[0] == "again"
    assert 9 <= len(bench.texts[1:]) <= 10
    assert all(re.fullmatch(r"\.\.\. (59|60) more in 60 s: again", one) for one in bench.texts[1:])


def test_after_a_quiet_window_it_is_a_first_again(bench: Bench) -> None:
    bench.logger.warning("again")
    bench.now += WINDOW_S + 1
    bench.logger.warning("again")
    assert bench.texts == ["again", "again"]


def test_after_a_sum_and_a_quiet_window_it_is_a_first_again(bench: Bench) -> None:
    for pause in (1, 2 * WINDOW_S, WINDOW_S, 0):
        bench.logger.warning("again")
        bench.now += pause
    assert bench.texts == ["again", "... 1 more in 121 s: again", "... 1 more in 60 s: again"]
    bench.now += 2 * WINDOW_S
    bench.handler.flush()
    bench.now += WINDOW_S
    bench.logger.warning("again")
    assert bench.texts[-1] == "again"


def test_other_figures_are_no_repetition_up_to_a_limit(bench: Bench) -> None:
    for number in range(VARIANTS + 5):
        bench.logger.info("%.1f fps", number / 10)
    bench.handler.flush()
    assert len(bench.texts) == VARIANTS + 1
    assert bench.texts[-1] == f"... 5 more in 1 s, the last: {(VARIANTS + 4) / 10} fps"


def test_a_status_every_ten_seconds_is_never_held_back(bench: Bench) -> None:
    for number in range(100):
        bench.logger.info("%d frames", number)
        bench.now += 10
    assert bench.texts == [f"{number} frames" for number in range(100)]


def test_figures_in_the_text_itself_are_figures(bench: Bench) -> None:
    for number in range(1000):
        bench.logger.warning(f"frame {number} is broken")
    bench.handler.flush()
    assert len(bench.texts) == VARIANTS + 1


def test_another_level_logger_or_call_is_no_repetition(bench: Bench) -> None:
    other = logging.Logger("pose_edge.screen")
    other.addHandler(bench.handler)
    for logger in (bench.logger, other):
        logger.warning("gone")
        logger.error("gone")
    for level in (logging.WARNING, logging.ERROR):
        bench.logger.log(level, "gone")
    assert bench.texts == ["gone"] * 6


def test_another_error_is_no_repetition(bench: Bench) -> None:
    for error in (ValueError("a"), ValueError("a"), KeyError("a")):
        bench.logger.error("failed", exc_info=error)
    assert [text for text in bench.texts if text == "failed"] == ["failed"] * 2


def test_details_are_never_held_back(bench: Bench) -> None:
    for _ in range(50):
        bench.logger.debug("detail")
    assert bench.texts == ["detail"] * 50


def test_the_end_of_the_program_tells_what_was_held_back(bench: Bench) -> None:
    before = timers()
    for _ in range(2):
        bench.logger.warning("again")
    (waiting,) = timers() - before
    bench.now += 5
    bench.handler.close()
    assert bench.texts == ["again", "... 1 more in 5 s: again"]
    wait_until(lambda: not waiting.is_alive(), "the timer's end")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0.0, 90.0)), max_size=300))
def test_every_message_is_counted(events: list[tuple[int, float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        bench = Bench()
        patch.setattr(handlers, "sys", SimpleNamespace(stderr=bench.stream))
        for number, pause in events:
            bench.logger.warning(f"{number}!")
            bench.now += pause
        bench.handler.close()
    summaries = [re.match(r"\.\.\. (\d+) more", text) for text in bench.texts]
    assert sum(int(one[1]) if one else 1 for one in summaries) == len(events)


def test_the_summary_comes_though_nothing_else_is_logged(bench: Bench) -> None:
    before = timers()
    handler = SummingHandler(Formatter("journal", Redactor()), window=0.2)
    logger = logging.Logger("pose_edge.camera")
    logger.addHandler(handler)
    for _ in range(2):
        logger.error("stuck")
    wait_until(lambda: len(bench.texts) == 2, "the summary")
    assert bench.texts == ["stuck", "... 1 more in 1 s: stuck"]
    wait_until(lambda: timers() <= before, "the timer's end")


def test_without_a_thread_to_be_had_nothing_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", refuse)
    for _ in range(3):
        bench.logger.warning("again")
    bench.handler.close()
    assert bench.texts == ["again", "... 2 more in 1 s: again"]
