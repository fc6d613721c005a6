"""Show progress on the standard error: bars on a terminal, otherwise regular log messages."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from pose_edge.cli.terminal import log_is_for_people
from pose_edge.errors import LINE_ENDS
from pose_edge.util.text import counted, printable

log = logging.getLogger(__name__)

BAR_WIDTH: Final = 20
BAR_FROM: Final = 70
"""Terminal width in columns from which a bar is shown beside the numbers."""
LOG_INTERVAL_S: Final = 30.0

ShowProgress = Callable[[str, int, int | None], None]
"""Takes the name of a task, the completed amount, and the total (None while it is unknown)."""


@contextmanager
def show_progress(unit: str, *, steady: bool = True) -> Iterator[ShowProgress]:
    """Show the progress of tasks while the context is open.

    Args:
        unit: Unit of the amounts, e.g. "frame", "picture" or "byte".
        steady: Whether a thread refreshes the bars between two reports; False for measurements,
            which it would disturb.

    Yields:
        The function that reports progress. Nothing is shown before its first call, so that an
        earlier error message stands alone.
    """
    if not (log_is_for_people() and sys.stderr.isatty()):
        yield _ProgressLog(unit).report
        return
    console = Console(stderr=True)
    columns = (
        (DownloadColumn(), TransferSpeedColumn())
        if unit == "byte"
        else (
            _FieldColumn(lambda task: _count(round(task.completed), task.total, unit)),
            _FieldColumn(lambda task: rate_text(task.finished_speed or task.speed or 0.0, unit)),
        )
    )
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        *([BarColumn(BAR_WIDTH)] if console.width >= BAR_FROM else []),
        *columns,
        _FieldColumn(_time_text),
        console=console,
        auto_refresh=steady,
    )
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int | None) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(printable(what).translate(LINE_ENDS), total=total)
        bars.update(tasks[what], completed=done, total=total, refresh=not steady)

    try:
        yield report
    finally:
        if tasks:  # without tasks, rich would print an empty line
            bars.stop()


class _ProgressLog:
    """Logs progress every `LOG_INTERVAL_S`, for output that is not a terminal."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._what: str | None = None
        self._started_s = self._logged_s = 0.0

    def report(self, what: str, done: int, total: int | None) -> None:
        """Report progress; see `ShowProgress`."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._started_s, self._logged_s = what, now, now
        if now - self._logged_s < LOG_INTERVAL_S:
            return
        self._logged_s = now
        rate = done / (now - self._started_s)
        left = f", {duration((total - done) / rate)} left" if total and rate else ""
        count = _count(done, total, self._unit)
        log.info("%s: %s, %s%s", what, count, rate_text(rate, self._unit), left)


class _FieldColumn(ProgressColumn):
    """A column with a text about the task, on one line."""

    def __init__(self, text: Callable[[Task], str]) -> None:
        super().__init__(Column(no_wrap=True))
        self._text = text

    def render(self, task: Task) -> Text:
        return Text(self._text(task))


def _time_text(task: Task) -> str:
    """Return the remaining time of a task; the elapsed time if it has ended or has no estimate."""
    if task.finished:
        return f"in {duration(task.finished_time or 0.0)}"
    if task.time_remaining is None:
        return f"since {duration(task.elapsed or 0.0)}"
    return f"{duration(task.time_remaining)} left"


def _count(done: int, total: float | None, unit: str) -> str:
    return counted(done, unit) if total is None else f"{done} of {counted(round(total), unit)}"


def rate_text(rate: float, unit: str) -> str:
    """Format a rate with its unit.

    >>> rate_text(24.83, "frame"), rate_text(3.0, "picture")
    ('24.8 fps', '3.0 pictures/s')
    """
    return f"{rate:.1f} fps" if unit == "frame" else f"{rate:.1f} {unit}s/s"


def duration(seconds: float) -> str:
    """Format a duration as minutes and seconds, or hours, minutes and seconds.

    >>> duration(7.4), duration(754), duration(3725)
    ('0:07', '12:34', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
