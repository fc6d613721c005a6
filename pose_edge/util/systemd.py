"""The program's systemd unit, and its state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pose_edge.util.paths import is_dir

UNIT: Final = "pose-edge.service"

PROPERTIES: Final = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "StatusText", "MainPID"),
    *("NRestarts", "User", "NeedDaemonReload", "StateChangeTimestampMonotonic"),
)


def is_booted(root: Path = Path("/")) -> bool:
    """Return whether systemd runs the machine, like sd_booted(3); False in a container or image."""
    return is_dir(root / "run/systemd/system")


def unit_properties(ask: Callable[..., str]) -> dict[str, str]:
    """Return systemd's properties of the unit by name; {} if systemd does not answer.

    Args:
        ask: Runs a command, whose words are its arguments, and returns the output.
    """
    output = ask("systemctl", "show", f"--property={','.join(PROPERTIES)}", UNIT)
    pairs = (line.partition("=") for line in output.splitlines())
    return {name: value for name, _, value in pairs}
