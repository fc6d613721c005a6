"""Print tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TextIO

from pose_edge import logs
from pose_edge.util.text import printable

NONE: Final = "-"
"""Text of a table cell without a value."""

LAST_WIDTH: Final = 24
"""Width in columns below which the last column of a table does not shrink."""

PIPE_WIDTH: Final = 10_000
"""Width in columns for files and pipes, large enough that nothing is wrapped or cut off."""


def log_is_for_people() -> bool:
    """Return whether the log is for people, so that standard error may show bars and tables."""
    return logs.current_format() == "text"


def print_json(figures: object) -> None:
    """Print the results of a command as JSON on the standard output."""
    print(json.dumps(figures, indent=2))  # noqa: T201 - the output of a command


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO) -> None:
    """Print a table; on a terminal, a line separates the header.

    Only the last column is wrapped to fit a terminal. Columns of numbers are right-aligned.

    Args:
        header: Titles of the columns.
        rows: Rows with one text per column.
        stream: The stream to print to.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = stream.isatty()
    table = Table(
        box=box.SIMPLE_HEAD if terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1 if terminal else 2, 0, 0),
    )
    texts = [[Text(printable(cell)) for cell in row] for row in rows]
    for index, title in enumerate(header):
        cells = [row[index] for row in texts]
        numbers = all(cell.plain[:1].isdigit() or cell.plain == NONE for cell in cells)
        width = max(cell.cell_len for cell in (Text(title), *cells))
        last = index == len(header) - 1
        table.add_column(
            title,
            justify="right" if numbers else "left",
            min_width=min(width, LAST_WIDTH) if last else width,
        )
    for row in texts:
        table.add_row(*row)
    console = Console(file=stream)
    width, console.width = console.width, PIPE_WIDTH
    if terminal:  # if the terminal is too narrow, let it break lines: rich would cut off names
        console.width = max(width, console.measure(table).minimum)
    with console.capture() as capture:
        console.print(table)
    stream.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
