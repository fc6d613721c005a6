"""The command `bench`, started as a user starts it."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from clips import demo_frames, write_clip
from command import Command, Finished, Log
from coral_rig import CoralRig
from helpers import GENEROUS_S
from xvfb import xvfb

from pose_edge.util.cores import usable_cores

LIGHTNING = "movenet-lightning-fp16"
STAGES = ("preprocess", "inference", "postprocess", "total")
HEAD = {"schema", "bench", "complete", "machine", "system", "before", "after"}


@pytest.fixture
def clip(pose_edge: Command) -> Path:
    return write_clip(pose_edge.folder / "clip.mp4", demo_frames(range(64, 84)))


def figures(done: Finished, what: str) -> dict[str, Any]:
    """Return the JSON report of a command after checking that its head is complete."""
    assert done.status == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) >= HEAD
    assert (found["schema"], found["bench"], found["complete"]) == (1, what, True)
    assert found["system"]["packages"]["pose-edge"]
    for state in ("before", "after"):
        assert set(found[state]) == {"temperature_c", "clock_mhz", "throttling", "load"}
    return found


def tables(markdown: str) -> list[list[list[str]]]:
    """Return the cells of each table, by rows, of a Markdown text."""
    found: list[list[list[str]]] = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_model(pose_edge: Command) -> None:
    done = pose_edge("bench", "model", LIGHTNING, "--threads", "1", "--runs", "3", "--json")
    (timing,) = figures(done, "model")["models"]
    assert (timing["name"], timing["threads"], timing["runs"]) == (LIGHTNING, 1, 3)
    assert list(timing["stages_ms"]) == list(STAGES)
    for spread in timing["stages_ms"].values():
        assert 0 < spread["best"] <= spread["median"] <= spread["p95"] <= spread["worst"]
    parts = sum(timing["stages_ms"][stage]["worst"] for stage in STAGES[:3])
    assert timing["stages_ms"]["total"]["worst"] <= parts + 1e-6
    assert timing["fps"] == pytest.approx(1000 / timing["stages_ms"]["total"]["median"])
    assert timing["cpu_ms"]["median"] > 0
    assert timing["sizes"] == [[192, 192]]
    assert 1 < timing["memory_mb"] < timing["process_mb"]


def test_models_in_markdown(pose_edge: Command) -> None:
    names = ["movenet-lightning-int8", LIGHTNING]
    done = pose_edge("bench", "model", *names, "--runs", "2", "--markdown")
    assert done.status == 0, done.stderr
    facts, latency, stages, passes = tables(done.stdout)
    named = {row[0]: row[1] for row in facts[2:]}
    assert set(named) == {"machine", "system", "software", "before", "after", "measured"}
    assert "kernel" in named["system"]
    assert "Python" in named["system"]
    assert "pose-edge" in named["software"]
    assert latency[0][:5] == ["Model", "Input", "Size", "AP one", "AP several"]
    counts = [int(title.split()[0]) for title in latency[0][5:]]
    assert counts[0] == 1
    assert counts[-1] == usable_cores()
    assert [row[0] for row in latency[2:]] == names
    assert len(stages) == len(passes) == 2 + len(names) * len(counts)
    assert all(len(row) == len(table[0]) for table in (latency, stages, passes) for row in table)


def test_a_model_of_a_coral(coral: CoralRig) -> None:
    words = coral.arguments("bench", None)
    done = coral.command(
        "bench",
        "model",
        *words[1:],
        LIGHTNING,
        coral.model,
        "--runs",
        "2",
        "--json",
        **coral.environment,
    )
    here, there = figures(done, "model")["models"][0], figures(done, "model")["models"][-1]
    assert here["threads"] == 1
    assert here["memory_mb"] > 0
    assert (there["threads"], there["memory_mb"]) == (None, None)
    assert "Edge TPU" in there["runtime"]
    assert "process" not in there["runtime"], "its number means nothing later"


def test_pipeline(pose_edge: Command, clip: Path) -> None:
    done = pose_edge("bench", "pipeline", "--source", clip, "--rounds", "2", "--json")
    found = figures(done, "pipeline")
    assert found["source"] == "clip.mp4"
    assert found["camera_fps"] is None
    for what in ("pipeline", "bare_loop"):
        rounds = found[what]["rounds"]
        assert [one["frames"] for one in rounds] == [20, 20]
        assert all(one["fps"] == pytest.approx(20 / one["wall_s"]) for one in rounds)
        assert all(one["cpu_ms"] == pytest.approx(one["cpu_s"] * 1000 / 20) for one in rounds)
        assert all(set(one["stages_ms"]) == set(STAGES[:3]) for one in rounds)
        assert found[what]["skipped"] == 0
        assert found[what]["latency_ms"] is None, "a file was never exposed"
    pairs = zip(found["pipeline"]["rounds"], found["bare_loop"]["rounds"], strict=True)
    ratios = sorted(ours["fps"] / bare["fps"] for ours, bare in pairs)
    assert found["ratios"]["fps"]["low"] == pytest.approx(ratios[0])
    assert found["ratios"]["fps"]["high"] == pytest.approx(ratios[1])
    assert found["ratios"]["fps"]["median"] == pytest.approx(sum(ratios) / 2)


def test_pipeline_with_a_camera(pose_edge: Command, clip: Path) -> None:
    done = pose_edge(
        *("bench", "pipeline", "--source", clip, "--camera", "60"),
        *("--max-frames", "15", "--rounds", "1", "--json"),
    )
    found = figures(done, "pipeline")
    assert (found["camera_fps"], found["camera_frames"]) == (60, 15)
    for what in ("pipeline", "bare_loop"):
        assert found[what]["rounds"][0]["frames"] + found[what]["skipped"] == 15
        latency = found[what]["latency_ms"]
        assert 0 < latency["median"] <= latency["p95"] <= latency["worst"]
    shown = pose_edge(
        *("bench", "pipeline", "--source", clip, "--camera", "60"),
        *("--max-frames", "15", "--rounds", "1", "--markdown"),
    )
    facts, table = tables(shown.stdout)
    assert "a camera of 60 fps" in {row[0]: row[1] for row in facts}["source"]
    names = [row[0] for row in table[2:]]
    assert "skipped frames" in names
    assert "latency ms, worst" in names
    assert "involuntary switches a frame" in names


def test_pipeline_in_a_window(pose_edge: Command, clip: Path) -> None:
    words = ("--camera", "30", "--max-frames", "10", "--rounds", "1", "--json")
    with xvfb() as desktop:
        done = pose_edge(
            *("bench", "pipeline", "--source", clip, "--display", "window", *words),
            DISPLAY=desktop.display,
        )
    found = figures(done, "pipeline")
    assert found["screen"] == "window (x11)"
    assert found["pipeline"]["latency_ms"]["median"] > 0


def test_against_another_program(pose_edge: Command, clip: Path) -> None:
    other = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"rb\").read()' {{source}}"
    done = pose_edge(
        "bench", "pipeline", "--source", clip, "--against", other, "--rounds", "1", "--json"
    )
    found = figures(done, "against")
    assert found["frames"] == 20
    assert str(clip) in found["theirs"]["command"]
    assert found["ours"]["command"].startswith("pose-edge run ")
    (ours,), (theirs,) = found["ours"]["runs"], found["theirs"]["runs"]
    assert found["ratios"]["wall"]["median"] == pytest.approx(theirs["wall_s"] / ours["wall_s"])
    assert found["ratios"]["cpu"]["median"] == pytest.approx(theirs["cpu_s"] / ours["cpu_s"])
    assert ours["peak_mb"] > theirs["peak_mb"] > 1
    assert not list(pose_edge.folder.glob("*.jsonl")), "nothing is left behind"


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("bench model movenet-huge", 3, "no model 'movenet-huge'"),
        ("bench model --json --markdown", 2, "exclude each other"),
        ("bench model --threads 0,2", 2, "'0' is not a whole number from 1"),
        ("bench pipeline --source gone.mp4", 3, "gone.mp4"),
        ("bench pipeline --source clip.mp4 --against false", 1, "status 1"),
        ("bench pipeline --against true --camera 30", 2, "--camera does not go with --against"),
        ("bench pipeline --camera 0", 2, "above 0"),
        ("bench pipeline --display window", 3, "no window can be opened"),
    ],
)
def test_one_clear_line(pose_edge: Command, clip: Path, line: str, status: int, says: str) -> None:
    done = pose_edge(*line.split())
    assert done.status == status, done.stderr
    (complaint,) = done.complaint()
    assert says in complaint
    assert done.stdout == ""


def test_what_was_measured_before_ctrl_c_is_printed(pose_edge: Command) -> None:
    process = pose_edge.start(
        *("bench", "model", LIGHTNING, "--threads", "1", "--runs", "100000", "--json"),
        *("--log-level", "debug"),
    )
    log = Log(process)
    log.wait_for("10 of 100000 runs")
    process.send_signal(signal.SIGINT)
    status = process.wait(GENEROUS_S)
    assert process.stdout is not None
    found = json.loads(process.stdout.read())
    assert status == 1
    assert not found["complete"]
    assert found["models"][0]["runs"] >= 10
    log.wait_for("stopped before the end")
