"""The service, as systemd sees it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding

SECTION: Final = "Service"

_finding = partial(Finding, SECTION)

UNIT: Final = "pose-edge.service"
BOOTED: Final = Path("/run/systemd/system")
"""There where systemd runs, sd_booted(3)."""
PROPERTIES: Final = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "StatusText", "MainPID"),
    *("NRestarts", "User", "NeedDaemonReload"),
)
LOG: Final = "`journalctl -u pose-edge -n 50`"


def examine(context: DoctorContext, booted: Path = BOOTED) -> Iterator[Finding]:
    """Look at the service."""
    if not booted.is_dir():
        yield _finding("systemd", "skipped", "does not run here")
        return
    answer = context.ask("systemctl", "show", f"--property={','.join(PROPERTIES)}", UNIT)
    if answer is None:
        text, remedy = "systemctl gives no answer", "`systemctl status` says why"
        yield _finding("systemd", "warning", text, remedy)
        return
    pairs = (line.partition("=") for line in answer.splitlines())
    yield from judge({name: value for name, _, value in pairs})


def judge(known: dict[str, str]) -> Iterator[Finding]:
    """Say how the service is.

    Args:
        known: systemd's properties of the unit.
    """
    if known.get("LoadState") == "not-found":
        text = "not installed (`sudo pose-edge service install` lets it start at power-on)"
        yield _finding("unit", "skipped", text)
        return
    if known.get("LoadState") not in ("loaded", None):
        text = f"the unit is {known['LoadState']}"
        yield _finding("unit", "fault", text, "`sudo pose-edge service install` mends it")
        return
    if known.get("UnitFileState") != "enabled":
        text = f"installed, but {known.get('UnitFileState') or 'not enabled'}"
        remedy = "`sudo systemctl enable pose-edge`"
        yield _finding("unit", "warning", f"{text}: it does not start at power-on", remedy)
    else:
        yield _finding("unit", "ok", f"starts at power-on, as user {known.get('User') or 'root'}")
    if known.get("NeedDaemonReload") == "yes":
        text = "the unit was changed, and systemd has not read it again"
        yield _finding("unit", "warning", text, "`sudo systemctl daemon-reload`")
    yield _state(known)
    restarts = known.get("NRestarts", "0")
    if restarts not in ("", "0"):
        text = f"started again {restarts} times since it was started by hand or at power-on"
        yield _finding("restarts", "warning", text, f"{LOG} says why")


def _state(known: dict[str, str]) -> Finding:
    state = known.get("ActiveState", "unknown")
    text = f"{state} ({known.get('SubState', '')})"
    if state == "failed":
        text += f", result: {known.get('Result', 'unknown')}"
        return _finding("state", "fault", text, f"{LOG} says why")
    if state in ("activating", "deactivating") and known.get("SubState") == "auto-restart":
        text += f", result: {known.get('Result', 'unknown')}"
        return _finding("state", "fault", f"{text}: it ends again and again", f"{LOG} says why")
    if state == "inactive":
        return _finding("state", "warning", "not running", "`sudo systemctl start pose-edge`")
    said = known.get("StatusText")
    pid = known.get("MainPID")
    text += f", process {pid}" if pid not in (None, "", "0") else ""
    return _finding("state", "ok", f"{text}: {said}" if said else text)
