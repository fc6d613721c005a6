"""The JSON of `bench`; see docs/performance.md. Fields may be added, but are never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from pose_edge.offline.bench.against import AgainstReport, ProgramRun
from pose_edge.offline.bench.child import ChildTiming
from pose_edge.offline.bench.meter import Cost
from pose_edge.offline.bench.models import ModelsReport, ModelTiming
from pose_edge.offline.bench.pipeline import PipelineReport, latency_of
from pose_edge.offline.bench.rounds import BenchRound
from pose_edge.offline.bench.system import System

SCHEMA: Final = 1


def models_json(report: ModelsReport) -> dict[str, Any]:
    """Return the JSON object of `bench model`."""
    first = report.timings[0].stages_ms["inference"].median
    return {
        **_head("model", report),
        "runs": report.runs,
        "models": [_model(one, first) for one in report.timings],
        "left_out": list(report.left_out),
    }


def pipeline_json(report: PipelineReport) -> dict[str, Any]:
    """Return the JSON object of `bench pipeline`."""
    return {
        **_head("pipeline", report),
        "model": report.model,
        "runtime": report.runtime,
        "source": report.source,
        "camera_fps": report.camera_fps,
        "camera_frames": report.camera_frames,
        "screen": report.screen,
        "process_mb": report.process_mb,
        "pipeline": _rounds(report, report.pipeline),
        "bare_loop": _rounds(report, report.bare),
        "ratios": {"fps": asdict(report.fps_ratio), "cpu": asdict(report.cpu_ratio)},
    }


def against_json(report: AgainstReport, frames: int) -> dict[str, Any]:
    """Return the JSON object of `bench pipeline --against`; `frames` counts the video's frames."""
    return {
        **_head("against", report),
        "source": report.source,
        "frames": frames,
        "ours": _program(report.our_command, report.ours),
        "theirs": _program(report.their_command, report.theirs),
        "ratios": {"wall": asdict(report.wall_ratio), "cpu": asdict(report.cpu_ratio)},
    }


def child_json(timing: ChildTiming, system: System) -> dict[str, Any]:
    """Return the JSON object of `bench child`."""
    here, child = timing.here_ms.median, timing.child_ms.median
    return {
        "machine": system.line,
        "model": timing.model,
        "runtime": timing.runtime,
        "here_ms": here,
        "child_ms": child,
        "cost_ms": child - here,
    }


def _head(what: str, report: ModelsReport | PipelineReport | AgainstReport) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "bench": what,
        "complete": report.complete,
        "machine": report.system.line,
        "system": asdict(report.system),
        "before": asdict(report.before),
        "after": asdict(report.after),
    }


def _model(timing: ModelTiming, first_ms: float) -> dict[str, Any]:
    return {
        **asdict(timing),
        "ratio": timing.stages_ms["inference"].median / first_ms,
        "fps": timing.fps,
    }


def _rounds(report: PipelineReport, rounds: Sequence[BenchRound]) -> dict[str, Any]:
    return {
        "rounds": [
            {
                "frames": one.frames,
                "fps": one.fps,
                "cpu_ms": one.cpu_ms,
                "stages_ms": one.stages_ms,
                **_cost(one.cost),
            }
            for one in rounds
        ],
        "skipped": report.skipped(rounds),
        "latency_ms": None if report.camera_fps is None else asdict(latency_of(rounds)),
    }


def _program(command: str, runs: Sequence[ProgramRun]) -> dict[str, Any]:
    return {
        "command": command,
        "runs": [{**_cost(one.cost), "peak_mb": one.peak_mb} for one in runs],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "switches": {"voluntary": cost.voluntary, "involuntary": cost.involuntary},
    }
