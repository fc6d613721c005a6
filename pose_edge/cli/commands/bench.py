"""The command `bench`: model, pipeline, child."""

from __future__ import annotations

import logging
import statistics
import sys
from argparse import Namespace
from dataclasses import asdict

from pose_edge.cli.settings import read_settings
from pose_edge.cli.terminal import print_json, print_table
from pose_edge.offline.bench import bench_child, bench_models, bench_pipeline, machine
from pose_edge.util.text import counted
from pose_edge.zoo.registry import Zoo

log = logging.getLogger(__name__)


def command_bench_model(options: Namespace) -> int:
    """``pose-edge bench model``."""
    settings = read_settings(options)
    names = options.names or list(Zoo().entries)
    models, runs = counted(len(names), "model"), counted(options.runs, "run")
    log.info("timing %s, %s of each", models, runs)
    timings = bench_models(settings, names, options.runs)
    if options.json:
        found = [{**asdict(timing), "fps": timing.fps} for timing in timings]
        print_json({"machine": machine(), "models": found})
        return 0
    rows = [
        [
            timing.name,
            f"{timing.median_ms:.2f} ms",
            f"{timing.p95_ms:.2f} ms",
            f"{timing.fps:.0f} fps",
            f"{timing.ratio:.2f}",
            timing.runtime,
        ]
        for timing in timings
    ]
    header = ["Model", "Median", "95 %", "Allows", "Ratio", "Runtime"]
    if len({timing.runtime for timing in timings}) == 1:
        print(f"{machine()}; {timings[0].runtime}; {counted(options.runs, 'interleaved run')}")
        header, rows = header[:-1], [row[:-1] for row in rows]
    else:
        print(f"{machine()}; {counted(options.runs, 'interleaved run')}")
    print_table(header, rows, sys.stdout)
    return 0


def command_bench_pipeline(options: Namespace) -> int:
    """``pose-edge bench pipeline``."""
    settings = read_settings(options)
    timing = bench_pipeline(settings, options.source or "demo", options.rounds)
    if options.json:
        print_json({"machine": machine(), **asdict(timing), "ratio": timing.ratio})
        return 0
    frames = counted(timing.frames, "frame")
    print(f"{machine()}; {timing.model} by {timing.runtime}; {frames} a round")
    for what, fps in (("pipeline", timing.pipeline_fps), ("bare loop", timing.bare_fps)):
        rounds = ", ".join(f"{value:.1f}" for value in fps)
        print(f"{what:<9}  {statistics.median(fps):6.1f} fps  (rounds: {rounds})")
    print(f"ratio      {timing.ratio:6.2f}")
    return 0


def command_bench_child(options: Namespace) -> int:
    """``pose-edge bench child``."""
    here, child = bench_child(read_settings(options), options.runs)
    figures = {
        "here_ms": here.median_ms,
        "child_ms": child.median_ms,
        "cost_ms": child.median_ms - here.median_ms,
    }
    if options.json:
        run = {"machine": machine(), "model": here.name, "runtime": here.runtime}
        print_json(run | figures)
        return 0
    print(f"{machine()}; {here.name} by {here.runtime}; {counted(options.runs, 'interleaved run')}")
    print("in this process  {here_ms:6.2f} ms".format(**figures))
    print("in a child       {child_ms:6.2f} ms".format(**figures))
    print("the child costs  {cost_ms:6.2f} ms".format(**figures))
    return 0
