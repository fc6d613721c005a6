"""Export the state of a run as metrics, in the text format of Prometheus."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pose_edge
from pose_edge.errors import UnavailableError
from pose_edge.sinks.run_state import RunState
from pose_edge.supervision.supervisor import State
from pose_edge.telemetry import BOUNDS_MS
from pose_edge.util.extras import extra_command

if TYPE_CHECKING:
    from prometheus_client.core import Metric

WORKING: Final = {State.STARTING, State.RUNNING, State.DONE}
"""States of a part in which nothing is wrong and no device is missing."""


def metrics_text(state: RunState) -> bytes:
    """Return the metrics of a run in the text format of Prometheus; docs/metrics.md lists them.

    Raises:
        UnavailableError: prometheus-client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.registry import Collector
    except ImportError:
        raise UnavailableError(
            "metrics need the package prometheus-client",
            remedy=f"install it with {extra_command('metrics')}",
        ) from None

    class RunCollector(Collector):
        """Passes the metrics to the registry."""

        def collect(self) -> Iterator[Metric]:
            """Yield all metrics."""
            yield from _run(state)
            yield from _stages(state)
            yield from _parts(state)
            yield from _outputs(state)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector())
    return generate_latest(registry)


def _run(state: RunState) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    info = GaugeMetricFamily(
        "pose_edge_info",
        "Always 1; the labels say what runs.",
        labels=("version", "model", "backend", "source"),
    )
    found = state.provenance
    model, backend = (found.model, found.backend) if found else ("", "")
    info.add_metric((pose_edge.__version__, model, backend, state.source), 1)
    yield info
    yield GaugeMetricFamily(
        "pose_edge_uptime_seconds", "Time since the start of the run.", state.uptime_s
    )
    yield CounterMetricFamily(
        "pose_edge_frames", "Frames in which people were looked for.", state.processed
    )
    yield CounterMetricFamily(
        "pose_edge_frames_skipped",
        "Frames that were captured, and skipped because a newer one was there.",
        state.skipped,
    )
    yield GaugeMetricFamily(
        "pose_edge_camera_fps", "Frames per second from the source.", state.camera_fps
    )
    yield GaugeMetricFamily(
        "pose_edge_poses_fps", "Frames per second in which people are looked for.", state.poses_fps
    )
    yield GaugeMetricFamily("pose_edge_people", "People in the newest frame.", state.people)
    yield GaugeMetricFamily(
        "pose_edge_paused", "1 while the picture is paused, else 0.", int(state.paused)
    )
    if state.temperature is not None:
        yield GaugeMetricFamily(
            "pose_edge_temperature_celsius", "Temperature of the processor.", state.temperature
        )


def _stages(state: RunState) -> Iterator[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    durations = HistogramMetricFamily(
        "pose_edge_stage_duration_seconds",
        "Duration of each stage of a frame; latency is from its exposure to the screen.",
        labels=("stage",),
    )
    bounds = [*(f"{bound / 1000:g}" for bound in BOUNDS_MS), "+Inf"]
    for stage, summary in state.stages.items():
        counts = map(float, itertools.accumulate(summary.buckets))
        durations.add_metric(
            (stage,), list(zip(bounds, counts, strict=True)), summary.total_ms / 1000
        )
    yield durations


def _parts(state: RunState) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    up = GaugeMetricFamily(
        "pose_edge_part_up",
        "1 while a part works, 0 while it has failed or waits for what is missing.",
        labels=("part",),
    )
    for part in state.parts:
        up.add_metric((part.name,), int(part.state in WORKING))
    yield up
    restarts = CounterMetricFamily(
        "pose_edge_restarts", "How often a part was replaced.", labels=("part",)
    )
    for name in {**dict.fromkeys(part.name for part in state.parts), **state.replacements}:
        restarts.add_metric((name,), state.replacements.get(name, 0))
    yield restarts


def _outputs(state: RunState) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    written = CounterMetricFamily(
        "pose_edge_output_frames", "Frames that an output has taken.", labels=("output",)
    )
    dropped = CounterMetricFamily(
        "pose_edge_output_frames_dropped",
        "Frames left out of an output: it was slow, or its peer away.",
        labels=("output", "reason"),
    )
    up = GaugeMetricFamily(
        "pose_edge_output_up", "1 while nothing is wrong with an output.", labels=("output",)
    )
    for output in state.outputs:
        written.add_metric((output.name,), output.written)
        dropped.add_metric((output.name, "slow"), output.dropped)
        dropped.add_metric((output.name, "away"), output.lost)
        up.add_metric((output.name,), int(output.fault is None))
    yield written
    yield dropped
    yield up
