from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from helpers import FakeEstimator, FakeSource

from pose_edge.config.schema import Settings
from pose_edge.errors import UsageError
from pose_edge.live.choices import with_value
from pose_edge.live.run_state import read_state
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Provenance
from pose_edge.sinks.mqtt_documents import Sight, state_message
from pose_edge.sinks.prometheus import metrics_text
from pose_edge.sinks.restarting_sink import RestartingSink
from pose_edge.supervision.supervisor import State, Supervisor
from pose_edge.telemetry import SOURCE, Event, Telemetry
from pose_edge.util.temperature import hottest


def test_a_state_is_that_of_the_parts() -> None:
    telemetry, supervisor = Telemetry(), Supervisor()
    telemetry.tick(Event.CAPTURED)
    for _ in range(2):
        telemetry.processed({"inference": 9.0}, Provenance("a-model", "cpu"), person=False)
    telemetry.set_fault(SOURCE, "rtsp://user:secret@camera/ does not answer")
    supervisor.add("source").waiting("rtsp://user:secret@camera/", within=5)
    off: RestartingSink[[int], int] = RestartingSink(
        "udp", lambda item: item, capacity=1, drop=True, report=lambda _reason: None
    )
    state = read_state(
        Pipeline(FakeSource([], live=True), FakeEstimator(), telemetry),
        telemetry,
        supervisor,
        [off],
        screen="none",
        people=2,
        started_s=time.monotonic(),
        temperature=lambda: 48.2,
    )
    assert (state.processed, state.people, state.temperature) == (2, 0, 48.2), "no camera"
    assert state.stages["inference"].count == 2
    assert state.parts[-1].state is State.WAITING
    assert state.outputs == ()
    for said in (
        str(state),
        metrics_text(state).decode(),
        state_message(0.0, Sight(present=None, picture=None, people=0, latency_ms=None), state),
    ):
        assert "secret" not in str(said)


def test_the_hottest_sensor_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    for number, text in enumerate(("41000\n", "55060\n", "broken")):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "temp").write_text(text)
    assert hottest(tmp_path) == 55.06
    assert hottest(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("key", "value"), [("edgetpu.mode", "maybe"), ("edgetpu.none", "on"), ("none", "on")]
)
def test_what_is_no_setting_or_no_value_is_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=json.dumps(key).strip('"')):
        with_value(Settings(), key, value)
