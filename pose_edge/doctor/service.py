"""Check the state of the service in systemd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding
from pose_edge.util import systemd

SEE_LOG: Final = "`journalctl -u pose-edge -n 50` says why"


def examine(context: DoctorContext, root: Path = Path("/")) -> Iterator[Finding]:
    """Examine unit, state and restarts of the service.

    Args:
        context: The configuration and the machine.
        root: Root of the file system; tests replace it.
    """
    if not systemd.is_booted(root):
        yield Finding("systemd", "skipped", "does not run here")
        return
    known = systemd.unit_properties(context.ask)
    if not known:
        text, remedy = "systemctl gives no answer", "`systemctl status` says why"
        yield Finding("systemd", "warning", text, remedy)
        return
    load_state = known.get("LoadState", "loaded")
    if load_state == "not-found":
        text = "not installed (`sudo pose-edge service install` lets it start at power-on)"
        yield Finding("unit", "skipped", text)
        return
    if load_state != "loaded":
        remedy = "`sudo pose-edge service install` fixes it"
        yield Finding("unit", "fault", f"the unit is {load_state}", remedy)
        return
    if known.get("UnitFileState") != "enabled":
        text = f"installed, but {known.get('UnitFileState') or 'not enabled'}"
        remedy = "`sudo systemctl enable pose-edge`"
        yield Finding("unit", "warning", f"{text}: it does not start at power-on", remedy)
    else:
        yield Finding("unit", "ok", f"starts at power-on, as user {known.get('User') or 'root'}")
    if known.get("NeedDaemonReload") == "yes":
        text = "the unit was changed, and systemd has not read it again"
        yield Finding("unit", "warning", text, "`sudo systemctl daemon-reload`")
    yield _state(known)
    restarts = known.get("NRestarts", "0")
    if restarts not in ("", "0"):
        plural = "" if restarts == "1" else "s"
        text = f"restarted {restarts} time{plural} since it was started by hand or at power-on"
        yield Finding("restarts", "warning", text, SEE_LOG)


def _state(known: Mapping[str, str]) -> Finding:
    state, detail = known.get("ActiveState", "unknown"), known.get("SubState", "")
    text, result = f"{state} ({detail})", known.get("Result", "unknown")
    if state == "failed":
        return Finding("state", "fault", f"{text}, result: {result}", SEE_LOG)
    if state in ("activating", "deactivating") and detail == "auto-restart":
        text = f"{text}, result: {result}: it keeps ending"
        return Finding("state", "fault", text, SEE_LOG)
    if state == "inactive":
        return Finding("state", "warning", "not running", "`sudo systemctl start pose-edge`")
    pid, status = known.get("MainPID"), known.get("StatusText")
    text += f", process {pid}" if pid not in (None, "", "0") else ""
    return Finding("state", "ok", f"{text}: {status}" if status else text)
