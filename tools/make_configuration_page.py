"""Makes docs/configuration.md, the page of all settings, from the schema.

    python tools/make_configuration_page.py

Run it after a change of a setting; a test fails if the page is out of date.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pose_edge.config.load import config_schema, describe_allowed

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

INTRODUCTION: Final = """\
<!-- Made by tools/make_configuration_page.py from the schema: edit it there, not here. -->

# Configuration

You want to change how the program behaves.

## Three ways to set something

Every setting has a section and a name, such as `camera.fps`.

| where | example |
|---|---|
| configuration file | `fps: 15` under `camera:` |
| environment | `POSE_EDGE_CAMERA__FPS=15`, with two underscores |
| command line | `--set camera.fps=15`; some have an option of their own, such as `--model` |

The command line counts more than the environment, the environment more than the file, the file \
more than the defaults.

```sh
pose-edge run --source demo --set camera.fps=15 --set overlay.crop=true
POSE_EDGE_MODEL__THREADS=2 pose-edge run --source demo
```

## The configuration file

Only one file is read, the first of these that exists:

1. the file named by `--config FILE`
2. `~/.config/pose-edge/config.yaml`, for one user
3. `/etc/pose-edge/config.yaml`, for the whole machine and the [service](service.md)
4. the file shipped with the program (`config.yaml` in a checkout)

A file needs only the settings that differ from the defaults:

```yaml
camera:
  fps: 15
model:
  name: movenet-thunder-int8
edgetpu: off
```

This prints a file with every setting and its default to start from, checks a file, and shows \
what is in force and where each value comes from:

```sh
pose-edge config show --defaults
pose-edge config check
pose-edge config show --origin
```

`pose-edge config schema` prints the JSON Schema, with which editors complete and check the file.

All mistakes are reported together (the first 20), each with its line, the allowed values, and \
the nearest setting that exists. A variable without its two underscores and a folder that may \
not be searched are ignored with a warning. A running program reads the file again \
[when it is told to](service.md#change-settings-while-it-runs).

## Every setting

`null` means: not set.
"""


def make_page() -> str:
    """Return the page as Markdown."""
    schema = config_schema()
    parts = [INTRODUCTION]
    for section, info in schema["properties"].items():
        definition = _definition(schema, info)
        rows = ["| setting | default | allowed | |", "|---|---|---|---|"]
        rows += [
            f"| `{section}.{key}` | `{_text(details.get('default'))}` | {_allowed(details)} "
            f"| {_cell(details['description'])} |"
            for key, details in definition["properties"].items()
        ]
        title = definition["description"].rstrip(".")
        parts.append("\n".join((f"### {section}", "", f"{title}.", "", *rows, "")))
    return "\n".join(parts)


def _definition(schema: Mapping[str, Any], info: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a section; in YAML, some sections may also be a single word."""
    reference = info.get("anyOf", [info])[0]["$ref"]
    definition: Mapping[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return definition


def _text(value: object) -> str:
    """Format a default value as in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def _allowed(details: Mapping[str, Any]) -> str:
    """Return the allowed values of a setting; empty if the description already states them."""
    allowed = describe_allowed(details).removeprefix("allowed: ")
    return "" if details["description"] in allowed else _cell(allowed)


def _cell(text: str) -> str:
    """Escape a text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
