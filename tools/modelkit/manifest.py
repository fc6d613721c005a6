"""Reads and writes `models/manifest.yaml`, which describes the model files to pose_edge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .files import sha256

SCHEMA = 1
COMMAND = "python tools/convert_models.py"


class ManifestError(Exception):
    """The file is not a manifest of this kit."""


def entry(
    *,
    name: str,
    file: str,
    content: bytes,
    family: str,
    source: tuple[Sequence[int], str],
    result: tuple[Sequence[int], str],
    summary: str,
    licence: str,
    origin: str,
    sizes: Sequence[tuple[int, int]] = (),
    calibration: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the manifest's entry of one model.

    Args:
        name: Name of the model in pose_edge.
        file: Name of the model file beside the manifest.
        content: Content of the model file.
        family: Name of the decoder that reads the output.
        source: Shape and type of the input.
        result: Shape and type of the output.
        summary: One line of description for users.
        licence: SPDX identifier.
        origin: Source of the weights, and the tool that made the file.
        sizes: Heights and widths that the model accepts, each by its own signature; empty if only
            that of `source`.
        calibration: File names of the calibration pictures, on which accuracy must not be measured;
            empty if there are none.
    """
    found = {
        "name": name,
        "file": file,
        "size": len(content),
        "sha256": sha256(content),
        "family": family,
        "input": {"shape": list(source[0]), "dtype": source[1]},
        "output": {"shape": list(result[0]), "dtype": result[1]},
        "summary": summary,
        "licence": licence,
        "origin": origin,
    }
    if sizes:
        found["sizes"] = [list(size) for size in sizes]
    if calibration:
        found["calibration"] = list(calibration)
    return found


def parse(text: str) -> list[dict[str, Any]]:
    """Return the entries of a manifest.

    Raises:
        ManifestError: The text is not a manifest of this schema.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ManifestError(f"not YAML: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ManifestError(f"not a manifest of schema {SCHEMA}")
    return list(data["models"])


def merge(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Replace old entries by `new` ones of the same name, and append the remaining new ones."""
    fresh = {item["name"]: item for item in new}
    kept = [fresh.pop(item["name"], item) for item in old]
    return [*kept, *fresh.values()]


def render(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a manifest as YAML, with free text quoted and each shape and list on one line."""
    lines = [f"# Written by `{COMMAND}`; do not edit.", f"schema: {SCHEMA}", "models:"]
    for item in entries:
        for position, (key, value) in enumerate(item.items()):
            if key in ("input", "output"):
                shown = f"{{shape: {list(value['shape'])}, dtype: {value['dtype']}}}"
            elif key in ("sha256", "summary", "origin", "sizes", "calibration"):
                # JSON is valid YAML; quoted, a checksum of only digits stays a string.
                shown = json.dumps(value, ensure_ascii=False)
            else:
                shown = str(value)
            lines.append(f"{'  - ' if position == 0 else '    '}{key}: {shown}")
    return "\n".join(lines) + "\n"
