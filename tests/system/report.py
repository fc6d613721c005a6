"""The report of the system tests: one self-contained HTML page with times and pictures."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
from system.image import REPOSITORY

from pose_edge.frames import Image

FOLDER: Final = REPOSITORY / "build" / "system"

STYLE: Final = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 0.1em 1.5em 0.1em 0; }
figure { display: inline-block; margin: 0.5em 1em 0.5em 0; } figcaption { font-size: 85%; }
.passed { color: #06682c; } .failed { color: #a3120a; } .skipped { color: #665; }
pre { background: #f2f2f0; padding: 0.7em; overflow-x: auto; font-size: 80%; }
"""


@dataclass
class Chapter:
    """The part of the report about one test."""

    title: str
    outcome: str = "not run"
    seconds: float = 0.0
    load: float = 0.0
    """Load average of the host at the end; above the number of processors, everything is slow."""
    measured: list[tuple[str, str, str]] = field(default_factory=list)
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    tables: list[tuple[Sequence[str], list[Sequence[str]]]] = field(default_factory=list)

    def measure(self, what: str, value: float, unit: str = "s", *, limit: str = "") -> None:
        """Add a measured number and the limit that it must keep."""
        self.measured.append((what, f"{value:.3g} {unit}", limit))

    def picture(self, caption: str, image: Image) -> None:
        """Add a BGR picture."""
        self.pictures.append((caption, cv2.imencode(".png", image)[1].tobytes()))

    def table(self, heads: Sequence[str]) -> list[Sequence[str]]:
        """Add an empty table, and return its list of rows, to be appended to."""
        rows: list[Sequence[str]] = []
        self.tables.append((heads, rows))
        return rows

    def text(self, caption: str, content: str) -> None:
        """Add a text, such as a log."""
        self.texts.append((caption, content))


class Report:
    """All chapters, in the order in which their tests ran."""

    def __init__(self) -> None:
        """Create an empty report that starts now."""
        self._began = time.strftime("%Y-%m-%d %H:%M:%S")
        self._start = time.monotonic()
        self._chapters: dict[str, Chapter] = {}
        self.path: Path | None = None
        """Path of the written report; None until `write`."""

    def chapter(self, title: str) -> Chapter:
        """Return the chapter with a title; create it if there is none."""
        return self._chapters.setdefault(title, Chapter(title))

    @property
    def begun(self) -> bool:
        """Whether the report has any chapter."""
        return bool(self._chapters)

    def write(self) -> None:
        """Write the page, with all pictures embedded."""
        self.path = FOLDER / "report.html"
        took = time.monotonic() - self._start
        rows = "".join(
            f'<tr><td><a href="#{index}">{html.escape(chapter.title)}</a>'
            f'<td class="{chapter.outcome}">{chapter.outcome}<td>{chapter.seconds:.0f} s'
            f"<td>load {chapter.load:.1f}"
            for index, chapter in enumerate(self._chapters.values())
        )
        chapters = "".join(
            _render(index, chapter) for index, chapter in enumerate(self._chapters.values())
        )
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.path.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>pose_edge on a virtual '
            f"machine</title><style>{STYLE}</style><h1>pose_edge on a virtual machine</h1>"
            f"<p>{self._began}, {took:.0f} s</p><table>{rows}</table>{chapters}</html>",
            encoding="utf-8",
        )


def _render(index: int, chapter: Chapter) -> str:
    numbers = "".join(
        f"<tr><td>{html.escape(what)}<td>{value}<td>{html.escape(limit)}"
        for what, value, limit in chapter.measured
    )
    tables = "".join(
        "<table><tr>"
        + "<tr>".join([_cells("th", heads), *(_cells("td", row) for row in rows)])
        + "</table>"
        for heads, rows in chapter.tables
    )
    pictures = "".join(
        f'<figure><img alt="" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, content in chapter.pictures
    )
    texts = "".join(
        f"<details><summary>{html.escape(caption)}</summary><pre>{html.escape(content)}</pre>"
        "</details>"
        for caption, content in chapter.texts
    )
    return (
        f'<h2 id="{index}" class="{chapter.outcome}">{html.escape(chapter.title)}: '
        f"{chapter.outcome}</h2><table>{numbers}</table>{tables}{pictures}{texts}"
    )


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}" for cell in cells)
