"""What several commands show on a terminal: tables and progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from pose_edge import logs

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

PIPE_WIDTH: Final = 200
"""Columns of a table that does not go to a terminal."""

Report = Callable[[str, int, int | None], None]
"""Takes what is done, how much of it, and of how much: None while that is not known."""


def people_read() -> bool:
    """Whether the standard error is for people, so that bars and tables may stand there too."""
    return logs.written_for() == "text"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Print a table.

    Args:
        header: Titles of the columns.
        rows: As many texts each.
        stream: Where to.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    # A pipe has no width: nothing may be cut off there.
    Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH).print(table)


@contextmanager
def progress_bars(*columns: ProgressColumn) -> Iterator[Report]:
    """Show on the standard error how far things are, where people read it.

    Args:
        columns: What stands behind the bar.

    Yields:
        What takes the reports. A bar appears with the first one: a fault before it is not a job
        that began.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        disable=not people_read(),
    )
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int | None) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield report
    finally:
        bars.stop()
