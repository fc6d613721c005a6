"""The format of pose lines that the design guarantees to other programs."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from pose_edge.util import resources

UNIT = {"type": "number", "minimum": 0, "maximum": 1}

# The section "One line of poses" of the design. Other programs rely on it; fields may be added.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["schema", "seq", "time", "frame", "model", "backend", "latency_ms", "poses"],
    "properties": {
        "schema": {"const": 1},
        "seq": {"type": "integer", "minimum": 0},
        "time": {"type": "number", "minimum": 0},
        "frame": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
            "minItems": 2,
            "maxItems": 2,
        },
        "model": {"type": "string", "minLength": 1},
        "backend": {"type": "string", "minLength": 1},
        "file": {"type": "string"},
        "latency_ms": {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0},
            "required": ["wait", "preprocess", "inference", "postprocess"],
        },
        "poses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "score", "box", "keypoints"],
                "properties": {
                    "id": {"type": ["integer", "null"], "minimum": 1},
                    "score": UNIT,
                    "box": {"type": "array", "items": UNIT, "minItems": 4, "maxItems": 4},
                    "keypoints": {
                        "type": "array",
                        "minItems": 17,
                        "maxItems": 17,
                        "items": {"type": "array", "items": UNIT, "minItems": 3, "maxItems": 3},
                    },
                },
            },
        },
    },
}
PROMISED = Draft202012Validator(SCHEMA)
PUBLISHED_SCHEMA: dict[str, Any] = json.loads(
    resources.pose_line_schema().read_text(encoding="utf-8")
)
PUBLISHED = Draft202012Validator(PUBLISHED_SCHEMA)


def strict(line: str) -> dict[str, Any]:
    """Parse and validate a pose line; refuse NaN and Infinity, which are not valid JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    record: dict[str, Any] = json.loads(line, parse_constant=refuse)
    PROMISED.validate(record)
    PUBLISHED.validate(record)
    assert_described(record)
    return record


def assert_described(record: dict[str, Any]) -> None:
    """Check that the published schema describes every field of a pose line."""
    schema = PUBLISHED_SCHEMA
    assert set(record) <= set(schema["properties"])
    kinds = schema["$defs"]
    for name, items in (("pose", record["poses"]), ("event", record.get("events", ()))):
        for item in items:
            assert set(item) <= set(kinds[name]["properties"])
