"""The JSON Schema of pose lines that ships with the package."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from pose_lines import PUBLISHED, PUBLISHED_SCHEMA

LINE: dict[str, Any] = {
    "schema": 1,
    "seq": 12,
    "time": 1763800000.123456,
    "frame": [1280, 720],
    "model": "movenet-lightning-int8",
    "backend": "cpu",
    "latency_ms": {"wait": 1.2, "preprocess": 0.2, "inference": 8.9, "postprocess": 0.1},
    "poses": [
        {
            "id": 1,
            "score": 0.83,
            "box": [0.31, 0.10, 0.64, 0.97],
            "keypoints": [[0.47, 0.18, 0.91]] * 17,
        }
    ],
}


def test_it_is_a_schema_and_accepts_the_line_of_the_documentation() -> None:
    Draft202012Validator.check_schema(PUBLISHED_SCHEMA)
    PUBLISHED.validate(LINE)


def test_programs_that_know_it_accept_fields_that_come_later() -> None:
    PUBLISHED.validate({**LINE, "mood": "good", "poses": [{**LINE["poses"][0], "age": 7}]})
    PUBLISHED.validate({**LINE, "events": [{"type": "somebody_waves", "id": 1}]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2},
        {"seq": -1},
        {"frame": [1280]},
        {"latency_ms": {"wait": 1.0}},
        {"poses": None},
        {"poses": [{**LINE["poses"][0], "keypoints": [[0.5, 0.5, 0.9]] * 16}]},
        {"poses": [{**LINE["poses"][0], "box": [0.1, 0.1, 1.2, 0.9]}]},
        {"events": []},
        {"events": [{"type": "person_left", "id": 1}]},
        {"events": [{"type": "people"}]},
    ],
)
def test_what_is_no_line_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PUBLISHED.validate({**LINE, **wrong})


def test_every_field_is_described() -> None:
    schema = PUBLISHED_SCHEMA
    kinds = [schema, *(schema["$defs"][name] for name in ("pose", "event"))]
    fields = [field for kind in kinds for field in kind["properties"].items()]
    assert [name for name, field in fields if not field.get("description")] == []
