from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from helpers import make_frame, make_result, pose
from pose_lines import strict

from pose_edge.config.outputs import CsvSettings, EventsSettings, PosesSettings
from pose_edge.config.schema import Settings, TrackingSettings
from pose_edge.live.outputs import Outputs
from pose_edge.poses import Result
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering
from pose_edge.supervision.supervisor import Supervisor
from pose_edge.telemetry import Telemetry


def no_state() -> RunState:
    raise AssertionError("none of these outputs tells the state")


def outputs_of(settings: Settings) -> Outputs:
    outputs = Outputs(
        settings,
        None,
        Telemetry(),
        Supervisor(),
        replace=False,
        state=no_state,
        steering=cast(Steering, None),
    )
    outputs.open()
    return outputs


def result_of(
    ids: Sequence[int | None], index: int, moment: float, file: str | None = None
) -> Result:
    poses = [replace(pose(), id=number) for number in ids]
    return make_result(make_frame(index=index, moment=moment, file=file), poses)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [strict(line) for line in path.read_text().splitlines()]


def close(outputs: Outputs) -> None:
    for sink in outputs.sinks:
        sink.close()


def test_lines_say_who_comes_and_leaves(tmp_path: Path) -> None:
    settings = Settings(
        poses=PosesSettings(path=str(tmp_path / "p.jsonl")),
        events=EventsSettings(enter=0.15, leave=0.15),
    )
    outputs = outputs_of(settings)
    for index, ids in enumerate(([5], [5], [5], [], [], [])):
        outputs.send(result_of(ids, index, 1.0 + index * 0.1))
    close(outputs)
    lines = lines_of(tmp_path / "p.jsonl")
    assert [line["people"] for line in lines] == [0, 0, 1, 1, 0, 0]
    told = [(line["seq"], event["type"]) for line in lines for event in line.get("events", ())]
    assert told == [
        *((2, "person_entered"), (2, "people")),
        *((4, "person_left"), (4, "people")),
    ]
    assert outputs.people == 0


def test_without_ids_there_are_no_events(tmp_path: Path) -> None:
    """People are counted only by ids, which pictures and runs without tracking do not have."""
    settings = Settings(
        poses=PosesSettings(path=str(tmp_path / "p.jsonl")), events=EventsSettings(enter=0.0)
    )
    outputs = outputs_of(settings)
    outputs.send(result_of([None], 0, 1.0, file="a.jpg"))
    outputs.change(settings.model_copy(update={"tracking": TrackingSettings(enabled=False)}), None)
    outputs.send(result_of([None], 1, 2.0))
    outputs.change(settings, None)
    outputs.send(result_of([1], 2, 3.0))
    close(outputs)
    lines = lines_of(tmp_path / "p.jsonl")
    assert [line.get("people") for line in lines] == [None, None, 1]


def test_lines_and_table_are_written_side_by_side(tmp_path: Path) -> None:
    settings = Settings(
        poses=PosesSettings(path=str(tmp_path / "p.jsonl")),
        csv=CsvSettings(path=str(tmp_path / "p.csv")),
    )
    outputs = outputs_of(settings)
    outputs.send(result_of([1, 2], 0, 1.0))
    assert not outputs.unread
    close(outputs)
    assert json.loads((tmp_path / "p.jsonl").read_text())["seq"] == 0
    assert (tmp_path / "p.csv").read_text().count("\n") == 3
