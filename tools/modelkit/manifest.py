"""`models/manifest.yaml`: what the product knows of its model files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .files import sha256

SCHEMA = 1
COMMAND = "python tools/convert_models.py"


class ManifestError(Exception):
    """A manifest that this kit did not write."""


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
    """Describes one model file.

    Args:
        name: Name of the model in the product.
        file: Name of the file beside the manifest.
        content: Bytes of that file.
        family: Which decoder reads the output.
        source: Shape and type of the input.
        result: Shape and type of the output.
        summary: One line for people.
        licence: SPDX identifier.
        origin: Where the weights come from and what made the file.
        sizes: Heights and widths that the model takes, each by a signature of its own; left out
            when there is only that of `source`.
        calibration: File names of the pictures that it was calibrated with: its accuracy must not
            be measured on them. Left out when there are none.
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
    """Returns the entries of a manifest.

    Raises:
        ManifestError: It is not a manifest of this schema.
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
    """Puts `new` entries in the place of the old ones of the same name, or at the end."""
    fresh = {item["name"]: item for item in new}
    kept = [fresh.pop(item["name"], item) for item in old]
    return [*kept, *fresh.values()]


def render(entries: Sequence[Mapping[str, Any]]) -> str:
    """Writes a manifest, with the free text quoted and the shapes and lists on one line."""
    lines = [f"# Written by `{COMMAND}`; do not edit.", f"schema: {SCHEMA}", "models:"]
    for item in entries:
        for position, (key, value) in enumerate(item.items()):
            if key in ("input", "output"):
                shown = f"{{shape: {list(value['shape'])}, dtype: {value['dtype']}}}"
            elif key in ("sha256", "summary", "origin", "sizes", "calibration"):
                # JSON is YAML, too; a checksum of digits alone stays a string.
                shown = json.dumps(value, ensure_ascii=False)
            else:
                shown = str(value)
            lines.append(f"{'  - ' if position == 0 else '    '}{key}: {shown}")
    return "\n".join(lines) + "\n"
