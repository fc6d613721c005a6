"""Reads and formats the status of the service."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from pose_edge.service.machine import Machine, ServiceError
from pose_edge.service.places import Places, load_record
from pose_edge.util.paths import exists
from pose_edge.util.systemd import UNIT, unit_properties

LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What systemd says about the service, and what is installed.

    Attributes:
        installed: Whether the unit is installed.
        state: "active (running)", "activating (auto-restart)", "failed (failed)" and so on; empty
            if systemd does not answer.
        line: The program's own status line: the last STATUS= that it sent to systemd.
        seconds: Seconds since the state changed; None if it never did.
        restarts: Restarts by systemd since the service was started by hand or at power-on.
        enabled: Whether the service starts at power-on.
        result: Why the service last ended: "success", "watchdog", "exit-code", "signal" ...
        pid: Process id; None if the service is not running.
        version: Version of the installed program; empty if unknown.
        prefix: Folder of the installed program; empty if unknown.
        config: Path of the configuration; empty if it does not exist.
        token: Path of the file with the page's token; empty if it does not exist.
        log: The last lines of the log; empty if this user may not read it.
    """

    installed: bool
    state: str
    line: str
    seconds: float | None
    restarts: int
    enabled: bool
    result: str
    pid: int | None
    version: str
    prefix: str
    config: str
    token: str
    log: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether the program runs and has reported that it is ready."""
        return self.state.split(" ")[0] in ("active", "reloading")


def read_status(machine: Machine, places: Places, now_s: float | None = None) -> ServiceStatus:
    """Read the status of the service; changes nothing and does not need root.

    Args:
        machine: Runs the commands.
        places: The paths of the service.
        now_s: Current time of the monotonic clock, seconds; None to read the clock.
    """
    try:
        record = load_record(places.record)
    except ServiceError:
        record = None
    properties = unit_properties(lambda *command: machine.ask(*command).stdout)
    changed_us = int(properties.get("StateChangeTimestampMonotonic") or 0)
    now_s = time.monotonic() if now_s is None else now_s
    state = ""
    if properties.get("ActiveState"):
        state = f"{properties['ActiveState']} ({properties.get('SubState', '')})"
    return ServiceStatus(
        installed=exists(places.unit),
        state=state,
        line=properties.get("StatusText", ""),
        seconds=max(0.0, now_s - changed_us / 1e6) if changed_us else None,
        restarts=int(properties.get("NRestarts") or 0),
        enabled=properties.get("UnitFileState") == "enabled",
        result=properties.get("Result", ""),
        pid=int(properties.get("MainPID") or 0) or None,
        version=record.version if record else "",
        prefix=record.prefix if record else "",
        config=str(places.config) if exists(places.config) else "",
        token=str(places.token) if exists(places.token) else "",
        log=_log(machine) if exists(places.unit) else (),
    )


def as_json(status: ServiceStatus) -> dict[str, Any]:
    """Return the status as a dictionary for JSON."""
    return {**asdict(status), "running": status.running}


def as_lines(status: ServiceStatus) -> list[str]:
    """Return the status as lines of text for the terminal."""
    if not status.installed:
        return ["not installed: sudo pose-edge service install"]
    state = status.state or "unknown: systemd does not answer"
    if status.seconds is not None:
        state += f" for {_duration(status.seconds)}"
    rows = [("state", state)]
    if status.line:
        rows.append(("says", status.line))
    rows.append(("restarts", f"{status.restarts} by systemd"))
    if status.result not in ("", "success"):
        rows.append(("ended", status.result))
    rows += [
        ("at power-on", "starts" if status.enabled else "does not start"),
        ("version", f"{status.version or 'unknown'} in {status.prefix or 'an unknown place'}"),
        ("config", status.config or "missing"),
    ]
    if status.token:
        rows.append(("page token", f"sudo cat {status.token}"))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    if status.log:
        return [*lines, "", *status.log]
    return [*lines, "", "no log that this user may read: sudo journalctl -u pose-edge"]


def _log(machine: Machine) -> tuple[str, ...]:
    result = machine.ask(
        *("journalctl", f"--unit={UNIT}", f"--lines={LOG_LINES}", "--no-pager", "--quiet"),
        "--output=short-iso",
    )
    return tuple(result.stdout.splitlines()) if result.returncode == 0 else ()


def _duration(seconds: float) -> str:
    """Format a duration in its two largest units, e.g. "3 h 2 min"."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days:.0f} d {hours % 24:.0f} h"
    if hours:
        return f"{hours:.0f} h {minutes % 60:.0f} min"
    return f"{minutes:.0f} min {seconds % 60:.0f} s" if minutes else f"{seconds:.0f} s"
