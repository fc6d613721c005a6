"""The program's unit, and what systemd says about it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

UNIT: Final = "pose-edge.service"


def is_booted(root: Path = Path("/")) -> bool:
    """Tell whether systemd runs this machine, as sd_booted(3) does; not in a container or image."""
    return (root / "run/systemd/system").is_dir()


def show_command(*properties: str) -> tuple[str, ...]:
    """Return the command that lists properties of the unit, for `parse_properties`."""
    return ("systemctl", "show", f"--property={','.join(properties)}", UNIT)


def parse_properties(output: str) -> dict[str, str]:
    """Return the properties in the output of `systemctl show`, by name."""
    pairs = (line.partition("=") for line in output.splitlines())
    return {name: value for name, _, value in pairs}
