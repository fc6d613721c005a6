"""Tables and progress bars on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from pose_edge import logs
from pose_edge.util.text import printable

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

PIPE_WIDTH: Final = 200
"""Width of a table that is not printed on a terminal, in columns."""

ShowProgress = Callable[[str, int, int | None], None]
"""Takes the name of a task, how much of it is done, and its size, None while that is unknown."""


def people_read() -> bool:
    """Return whether people read the standard error, so that it may show bars and tables."""
    return logs.written_for() == "text"


def print_json(figures: object) -> None:
    """Print what a command found out as JSON on the standard output."""
    print(json.dumps(figures, indent=2))  # noqa: T201 - the output of a command


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Print a table.

    Args:
        header: Titles of the columns.
        rows: One text for each column.
        stream: The file to print to.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # A pipe has no width, and nothing may be cut off in it.
    Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH).print(table)


@contextmanager
def progress_bars(*columns: ProgressColumn) -> Iterator[ShowProgress]:
    """Show progress bars on the standard error, if people read it.

    Args:
        columns: Columns to the right of the bar.

    Yields:
        The function to report progress with. A bar appears with its first call, so a fault before
        that shows none.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        disable=not people_read(),
    )
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int | None) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(printable(what), total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield report
    finally:
        bars.stop()
