from __future__ import annotations

import pytest

from pose_edge.cli.commands.bench_tables import (
    BenchPage,
    BenchTable,
    against_page,
    markdown_table,
    models_page,
)
from pose_edge.offline.bench.against import AgainstReport, ProgramRun
from pose_edge.offline.bench.machine_state import MachineState
from pose_edge.offline.bench.meter import Cost
from pose_edge.offline.bench.models import STAGES, ModelsReport, ModelTiming
from pose_edge.offline.bench.statistics import Spread
from pose_edge.offline.bench.system import System

SYSTEM = System(
    "Raspberry Pi 5", "aarch64", 4, 8064, "Debian 13", "6.12", "3.13.5", {"numpy": "2.5"}
)
COOL = MachineState(48.2, 1500.0, (), 0.1)
HOT = MachineState(81.7, 2400.0, ("throttled",), 3.9)


def timing(name: str, threads: int | None, total_ms: float) -> ModelTiming:
    spread = Spread(total_ms - 1, total_ms, total_ms + 1, total_ms + 2)
    return ModelTiming(
        name=name,
        runtime="r",
        threads=threads,
        input_type="uint8",
        sizes=((224, 160), (192, 192)),
        file_bytes=2_900_000,
        ap={"one": 0.552},
        runs=9,
        stages_ms=dict.fromkeys(STAGES, spread),
        cpu_ms=None if threads is None else spread,
        memory_mb=None if threads is None else 31.6,
        process_mb=144.4,
    )


def test_each_model_has_one_row_with_its_latencies() -> None:
    timings = (timing("a", 1, 20.0), timing("a", 4, 8.0), timing("b-edgetpu", None, 7.0))
    page = models_page(ModelsReport(SYSTEM, COOL, HOT, 9, timings, ("x: absent",), complete=True))
    assert page.facts["before"] == "load 0.1, 48 °C, 1500 MHz, not throttled"
    assert page.facts["after"] == "load 3.9, 82 °C, 2400 MHz, throttled"
    latency, stages, passes = page.tables
    assert latency.header[5:] == ("1 thread", "4 threads", "Edge TPU")
    assert latency.rows == [
        ("a", "160x224 (+1)", "2.9 MB", "0.552", "-", "20.0", "8.0", "-"),
        ("b-edgetpu", "160x224 (+1)", "2.9 MB", "0.552", "-", "-", "-", "7.0"),
    ]
    assert [row[:2] for row in stages.rows] == [("a", "1"), ("a", "4"), ("b-edgetpu", "-")]
    assert stages.rows[1][2:] == ("8.00", "9.00") * 3
    assert passes.rows[1][2:] == ("8.00", "9.00", "7.00", "8.00", "125", "32", "144")
    assert passes.rows[2][2:] == ("7.00", "8.00", "6.00", "-", "143", "-", "144")
    assert all(len(row) == len(table.header) for table in page.tables for row in table.rows)
    assert "left out: x: absent" in page.notes


def test_medians_and_ratios_of_two_programs() -> None:
    def runs(*walls_s: float) -> tuple[ProgramRun, ...]:
        return tuple(ProgramRun(Cost(wall_s, 2 * wall_s, 5, 6), 100.0) for wall_s in walls_s)

    report = AgainstReport(
        SYSTEM,
        COOL,
        COOL,
        source="v.mp4",
        our_command="pose-edge run",
        their_command="a | b",
        ours=runs(1.0, 2.0),
        theirs=runs(2.0, 3.0),
        complete=True,
    )
    page = against_page(report, 30)
    rows = {name: cells for name, *cells in page.tables[0].rows}
    assert rows["wall s"] == ["1.50", "2.50", "1.75", "1.50", "2.00"]
    assert rows["frames/s"][:2] == ["22.5", "12.5"]
    assert rows["peak memory, MB"] == ["100", "100", "-", "-", "-"]
    assert page.facts["source"] == "v.mp4, 30 frames"


def test_markdown_has_a_rule_and_no_broken_cells() -> None:
    text = markdown_table(BenchTable(("a", "b"), [("x | y", "1"), ("\x1b[31m", "2")]))
    assert text.splitlines() == [
        "| a | b |",
        "| --- | --- |",
        "| x \\| y | 1 |",
        "| \\x1b[31m | 2 |",
    ]


def test_text_and_markdown_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    page = BenchPage(
        "pose-edge bench x",
        {"machine": "a Pi", "os": "Debian"},
        (BenchTable(("Model", "ms"), [("one", "1.5")]),),
        ("A note.",),
    )
    page.print_text()
    assert capsys.readouterr().out == (
        "machine  a Pi\nos       Debian\n\nModel   ms\none    1.5\n\nA note.\n"
    )
    page.print_markdown()
    assert capsys.readouterr().out.startswith("#### `pose-edge bench x`\n\n|  |  |\n| --- |")
