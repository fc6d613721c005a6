"""The tables of `bench`, as text or as Markdown to paste into an issue."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pose_edge.cli.terminal import NONE, print_table
from pose_edge.offline.bench.against import AgainstReport, ProgramRun
from pose_edge.offline.bench.machine_state import MachineState
from pose_edge.offline.bench.models import STAGES, ModelsReport, ModelTiming
from pose_edge.offline.bench.pipeline import PipelineReport, latency_of
from pose_edge.offline.bench.rounds import ROUND_STAGES, BenchRound
from pose_edge.offline.bench.statistics import RatioRange, median
from pose_edge.offline.bench.system import System
from pose_edge.util.text import counted, printable

MODEL_NOTE: Final = (
    "Times are milliseconds; latency is the median of a whole inference pass (Total). Best is the "
    "fastest pass, CPU the time of the processor for one, Fps the highest rate with one pass a "
    "frame, MB what the model adds to the memory, Process all of it."
)


class BenchTable(NamedTuple):
    """A table of results; the cells are texts."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class BenchPage:
    """The output of a `bench` command.

    Attributes:
        command: The command without its options.
        facts: Name and text of each line about what was measured, where and how.
        tables: The tables of results.
        notes: Notes below the tables.
    """

    command: str
    facts: dict[str, str]
    tables: tuple[BenchTable, ...]
    notes: tuple[str, ...] = ()

    def print_text(self) -> None:
        """Print the page as text."""
        width = max(map(len, self.facts))
        for name, text in self.facts.items():
            print(f"{name:<{width}}  {printable(text)}")
        for table in self.tables:
            print()
            print_table(table.header, table.rows, sys.stdout)
        for note in self.notes:
            print(f"\n{printable(note)}")

    def print_markdown(self) -> None:
        """Print the page as Markdown."""
        print(f"#### `{self.command}`\n")
        facts = BenchTable(("", ""), list(self.facts.items()))
        print("\n\n".join(markdown_table(table) for table in (facts, *self.tables)))
        for note in self.notes:
            print(f"\n{printable(note)}")


def markdown_table(table: BenchTable) -> str:
    """Format a table as Markdown."""
    rows = [table.header, tuple("---" for _ in table.header), *table.rows]
    cells = ([printable(cell).replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def models_page(report: ModelsReport) -> BenchPage:
    """Return the output of `bench model`."""
    how = f"{counted(report.runs, 'run')} of each, in turns"
    return BenchPage(
        "pose-edge bench model",
        {**_machine(report.system, report.before, report.after), "measured": _when(how)},
        tuple(make(report.timings) for make in (_latency_table, _stage_table, _pass_table)),
        (MODEL_NOTE, *(f"left out: {line}" for line in report.left_out)),
    )


def pipeline_page(report: PipelineReport) -> BenchPage:
    """Return the output of `bench pipeline`."""
    rounds = counted(len(report.pipeline), "round")
    frames = counted(report.pipeline[0].frames, "frame")
    camera = "" if report.camera_fps is None else f" as a camera of {report.camera_fps:g} fps"
    facts = {
        **_machine(report.system, report.before, report.after),
        "measured": _when(f"{rounds} of each, in turns, {frames} in the first"),
        "model": f"{report.model} by {report.runtime}",
        "source": f"{report.source}{camera}",
        "screen": report.screen,
        "memory": f"{report.process_mb:.0f} MB in the whole process",
    }
    rows = [
        _ratio_row("frames/s", report, "fps", report.fps_ratio, digits=1),
        _ratio_row("CPU ms a frame", report, "cpu_ms", report.cpu_ratio),
        *(_stage_row(stage, report) for stage in ROUND_STAGES),
        *_camera_rows(report),
        _switch_row("voluntary switches a frame", report, "voluntary"),
        _switch_row("involuntary switches a frame", report, "involuntary"),
    ]
    notes = ["A ratio is that of two rounds, one after the other."]
    if report.camera_fps is not None:
        until = "it was shown" if report.screen != "none" else "its poses were there"
        notes.append(f"Latency is from the exposure of a frame until {until}.")
    header = ("", "Pipeline", "Bare loop", "Ratio", "From", "To")
    table = BenchTable(header, rows)
    return BenchPage("pose-edge bench pipeline", facts, (table,), (" ".join(notes),))


def against_page(report: AgainstReport, frames: int) -> BenchPage:
    """Return the output of `bench pipeline --against`; `frames` counts the video's frames."""
    how = f"{counted(len(report.ours), 'run')} of each, in turns, with start and end"
    facts = {
        **_machine(report.system, report.before, report.after),
        "measured": _when(how),
        "source": f"{report.source}, {counted(frames, 'frame')}",
        "this": report.our_command,
        "other": report.their_command,
    }
    both = (report.ours, report.theirs)

    def row(name: str, values: list[list[float]], digits: int) -> tuple[str, ...]:
        return (name, *(f"{median(one):.{digits}f}" for one in values), *_NO_RATIO)

    rows = [
        (*row("wall s", _each(both, "wall_s"), 2)[:3], *_ratios(report.wall_ratio)),
        (*row("CPU s", _each(both, "cpu_s"), 2)[:3], *_ratios(report.cpu_ratio)),
        row("frames/s", [[frames / one.cost.wall_s for one in runs] for runs in both], 1),
        row("peak memory, MB", [[one.peak_mb for one in runs] for runs in both], 0),
        row("voluntary switches", _each(both, "voluntary"), 0),
        row("involuntary switches", _each(both, "involuntary"), 0),
    ]
    table = BenchTable(("", "This", "Other", "Ratio", "From", "To"), rows)
    note = "A ratio is how many times as much the other program takes, pair by pair."
    return BenchPage("pose-edge bench pipeline --against", facts, (table,), (note,))


_NO_RATIO = (NONE, NONE, NONE)


def _machine(system: System, before: MachineState, after: MachineState) -> dict[str, str]:
    packages = ", ".join(f"{name} {version}" for name, version in system.packages.items())
    return {
        "machine": f"{system.line}, {system.memory_mb / 1000:.1f} GB",
        "system": f"{system.os}, kernel {system.kernel}, Python {system.python}",
        "software": packages,
        "before": _conditions(before),
        "after": _conditions(after),
    }


def _conditions(state: MachineState) -> str:
    """Describe load, temperature, clock and throttling of the machine, as far as known."""
    parts = [f"load {state.load:.1f}"]
    if state.temperature_c is not None:
        parts.append(f"{state.temperature_c:.0f} °C")
    if state.clock_mhz is not None:
        parts.append(f"{state.clock_mhz:.0f} MHz")
    if state.throttling is not None:
        parts.append(", ".join(state.throttling) or "not throttled")
    return ", ".join(parts)


def _when(how: str) -> str:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return f"{today}, {how}"


def _latency_table(timings: Sequence[ModelTiming]) -> BenchTable:
    """Return a row per model with its latency for each number of threads."""
    columns: list[int | None] = []
    for timing in timings:
        if timing.threads not in columns:
            columns.append(timing.threads)
    found = {(one.name, one.threads): one.stages_ms["total"].median for one in timings}
    rows = {}
    for one in timings:
        latencies = [found.get((one.name, threads)) for threads in columns]
        rows[one.name] = (
            one.name,
            _sizes(one),
            f"{one.file_bytes / 1e6:.1f} MB",
            *(_number(one.ap.get(kind), 3) for kind in ("one", "several")),
            *(_number(value, 1) for value in latencies),
        )
    titles = ("Edge TPU" if threads is None else counted(threads, "thread") for threads in columns)
    header = ("Model", "Input", "Size", "AP one", "AP several", *titles)
    return BenchTable(header, list(rows.values()))


def _stage_table(timings: Sequence[ModelTiming]) -> BenchTable:
    """Return a row per model and number of threads with the stages of an inference pass."""
    rows = [
        (
            *_model_cells(one),
            *(
                f"{value:.2f}"
                for stage in STAGES[:-1]
                for value in (one.stages_ms[stage].median, one.stages_ms[stage].p95)
            ),
        )
        for one in timings
    ]
    header = ("Model", "Threads", "Pre", "95 %", "Invoke", "95 %", "Post", "95 %")
    return BenchTable(header, rows)


def _pass_table(timings: Sequence[ModelTiming]) -> BenchTable:
    """Return a row per model and number of threads with the whole pass and the memory."""
    rows = [
        (
            *_model_cells(one),
            *(f"{value:.2f}" for value in (total.median, total.p95, total.best)),
            _number(one.cpu_ms.median if one.cpu_ms else None, 2),
            f"{one.fps:.0f}",
            _number(one.memory_mb, 0),
            f"{one.process_mb:.0f}",
        )
        for one in timings
        for total in (one.stages_ms["total"],)
    ]
    header = ("Model", "Threads", "Total", "95 %", "Best", "CPU", "Fps", "MB", "Process")
    return BenchTable(header, rows)


def _model_cells(timing: ModelTiming) -> tuple[str, str]:
    """Return the first two cells of a model's row: its name and its number of threads."""
    return timing.name, NONE if timing.threads is None else str(timing.threads)


def _sizes(timing: ModelTiming) -> str:
    """Return the default input size as WIDTHxHEIGHT, and the number of other sizes."""
    height, width = timing.sizes[0]
    others = len(timing.sizes) - 1
    return f"{width}x{height}" + (f" (+{others})" if others else "")


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _both(report: PipelineReport) -> tuple[Sequence[BenchRound], Sequence[BenchRound]]:
    return report.pipeline, report.bare


def _ratios(ratio: RatioRange) -> tuple[str, str, str]:
    return f"{ratio.median:.2f}", f"{ratio.low:.2f}", f"{ratio.high:.2f}"


def _stage_row(stage: str, report: PipelineReport) -> tuple[str, ...]:
    medians = (median([one.stages_ms[stage] for one in rounds]) for rounds in _both(report))
    return (f"{stage}, ms a frame", *(f"{value:.2f}" for value in medians), *_NO_RATIO)


def _ratio_row(
    name: str, report: PipelineReport, what: str, ratio: RatioRange, digits: int = 2
) -> tuple[str, ...]:
    medians = (median([getattr(one, what) for one in rounds]) for rounds in _both(report))
    return (name, *(f"{value:.{digits}f}" for value in medians), *_ratios(ratio))


def _switch_row(name: str, report: PipelineReport, what: str) -> tuple[str, ...]:
    values = (
        median([getattr(one.cost, what) / one.frames for one in rounds]) for rounds in _both(report)
    )
    return (name, *(f"{value:.1f}" for value in values), *_NO_RATIO)


def _camera_rows(report: PipelineReport) -> list[tuple[str, ...]]:
    """Return latency and skipped frames; only a camera has them, as its frames do not wait."""
    if report.camera_fps is None:
        return []
    spreads = [latency_of(rounds) for rounds in _both(report)]
    return [
        *(
            (f"latency ms, {name}", *(f"{getattr(one, what):.1f}" for one in spreads), *_NO_RATIO)
            for name, what in (("median", "median"), ("95 %", "p95"), ("worst", "worst"))
        ),
        ("skipped frames", *(str(report.skipped(rounds)) for rounds in _both(report)), *_NO_RATIO),
    ]


def _each(both: tuple[Sequence[ProgramRun], ...], what: str) -> list[list[float]]:
    return [[float(getattr(run.cost, what)) for run in runs] for runs in both]
