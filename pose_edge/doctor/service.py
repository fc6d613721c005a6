"""The service, as systemd sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding
from pose_edge.util import systemd

_finding = partial(Finding, "Service")

PROPERTIES: Final = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "StatusText", "MainPID"),
    *("NRestarts", "User", "NeedDaemonReload"),
)
SEE_LOG: Final = "`journalctl -u pose-edge -n 50` says why"


def examine(context: DoctorContext, root: Path = Path("/")) -> Iterator[Finding]:
    """Examine the service's unit, state and restarts."""
    if not systemd.is_booted(root):
        yield _finding("systemd", "skipped", "does not run here")
        return
    known = systemd.parse_properties(context.ask(*systemd.show_command(*PROPERTIES)))
    if not known:
        text, remedy = "systemctl gives no answer", "`systemctl status` says why"
        yield _finding("systemd", "warning", text, remedy)
        return
    load_state = known.get("LoadState", "loaded")
    if load_state == "not-found":
        text = "not installed (`sudo pose-edge service install` lets it start at power-on)"
        yield _finding("unit", "skipped", text)
        return
    if load_state != "loaded":
        remedy = "`sudo pose-edge service install` fixes it"
        yield _finding("unit", "fault", f"the unit is {load_state}", remedy)
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
        text = f"restarted {restarts} times since it was started by hand or at power-on"
        yield _finding("restarts", "warning", text, SEE_LOG)


def _state(known: Mapping[str, str]) -> Finding:
    state, detail = known.get("ActiveState", "unknown"), known.get("SubState", "")
    text, result = f"{state} ({detail})", known.get("Result", "unknown")
    if state == "failed":
        return _finding("state", "fault", f"{text}, result: {result}", SEE_LOG)
    if state in ("activating", "deactivating") and detail == "auto-restart":
        text = f"{text}, result: {result}: it ends again and again"
        return _finding("state", "fault", text, SEE_LOG)
    if state == "inactive":
        return _finding("state", "warning", "not running", "`sudo systemctl start pose-edge`")
    pid, status = known.get("MainPID"), known.get("StatusText")
    text += f", process {pid}" if pid not in (None, "", "0") else ""
    return _finding("state", "ok", f"{text}: {status}" if status else text)
