from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from run_states import run_state

from pose_edge.sinks.prometheus import metrics_text
from pose_edge.sinks.run_state import RunState
from pose_edge.telemetry import BOUNDS_MS


def parsed(state: RunState) -> dict[str, Metric]:
    """Return the metric families, parsed by Prometheus' own parser."""
    families = text_string_to_metric_families(metrics_text(state).decode())
    return {family.name: family for family in families}


def value(state: RunState, name: str, **labels: str) -> float:
    for family in parsed(state).values():
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    raise AssertionError(f"no {name} with {labels}")


def test_every_figure_has_its_type_and_help() -> None:
    families = parsed(run_state())
    assert {name: family.type for name, family in families.items()} == {
        "pose_edge_info": "gauge",
        "pose_edge_uptime_seconds": "gauge",
        "pose_edge_frames": "counter",
        "pose_edge_frames_skipped": "counter",
        "pose_edge_camera_fps": "gauge",
        "pose_edge_poses_fps": "gauge",
        "pose_edge_people": "gauge",
        "pose_edge_paused": "gauge",
        "pose_edge_temperature_celsius": "gauge",
        "pose_edge_stage_duration_seconds": "histogram",
        "pose_edge_part_up": "gauge",
        "pose_edge_restarts": "counter",
        "pose_edge_output_frames": "counter",
        "pose_edge_output_frames_dropped": "counter",
        "pose_edge_output_up": "gauge",
    }
    assert all(family.documentation for family in families.values())


def test_the_figures_are_those_of_the_run() -> None:
    state = run_state()
    assert value(state, "pose_edge_frames_total") == 1000
    assert value(state, "pose_edge_frames_skipped_total") == 20
    assert value(state, "pose_edge_people") == 2
    assert value(state, "pose_edge_temperature_celsius") == 55.06
    assert value(state, "pose_edge_info", backend="cpu", model="movenet-lightning-int8") == 1
    assert value(state, "pose_edge_part_up", part="source") == 0
    assert value(state, "pose_edge_part_up", part="inference") == 1
    assert value(state, "pose_edge_restarts_total", part="source") == 0
    assert value(state, "pose_edge_restarts_total", part="inference") == 2
    assert value(state, "pose_edge_output_frames_total", output="mqtt") == 900
    assert value(state, "pose_edge_output_frames_dropped_total", output="mqtt", reason="slow") == 7
    assert value(state, "pose_edge_output_frames_dropped_total", output="mqtt", reason="away") == 3
    assert value(state, "pose_edge_output_up", output="mqtt") == 0


def test_the_histogram_counts_every_sample_once() -> None:
    samples = parsed(run_state())["pose_edge_stage_duration_seconds"].samples
    buckets = [one for one in samples if one.name.endswith("_bucket")]
    bounds = [float(one.labels["le"]) for one in buckets]
    assert [round(bound * 1000, 3) for bound in bounds[:-1]] == list(BOUNDS_MS)
    assert bounds[-1] == float("inf")
    counts = dict(zip(bounds, (one.value for one in buckets), strict=True))
    assert counts[0.001] == 1
    assert counts[0.01] == 2  # a bound is part of the bucket below it
    assert counts[0.0167] == 3
    assert counts[0.5] == 3
    assert counts[float("inf")] == 4
    assert [one.value for one in buckets] == sorted(one.value for one in buckets)
    state = run_state()
    assert value(state, "pose_edge_stage_duration_seconds_count", stage="inference") == 4
    assert value(state, "pose_edge_stage_duration_seconds_sum", stage="inference") == 2.0206


def test_what_is_not_known_is_left_out() -> None:
    state = run_state(temperature=None, provenance=None, stages={}, outputs=(), parts=())
    assert "pose_edge_temperature_celsius" not in parsed(state)
    assert value(state, "pose_edge_info") == 1


def test_names_of_sources_cannot_break_the_text() -> None:
    name = 'a "camera"\\ with\nlines'
    assert value(run_state(source=name), "pose_edge_info", source=name) == 1
