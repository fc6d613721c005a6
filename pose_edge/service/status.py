"""How the service is."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from pose_edge.service.install_record import load_manifest
from pose_edge.service.machine import Machine
from pose_edge.service.places import UNIT, Places
from pose_edge.service.steps import ServiceError

LOG_LINES: Final = 5

PROPERTIES: Final = (
    *("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "StatusText"),
    *("MainPID", "NRestarts", "StateChangeTimestampMonotonic"),
)


@dataclass(frozen=True, slots=True)
class Status:
    """What systemd says, and what was installed.

    Attributes:
        installed: Whether the unit is there.
        state: "active (running)", "activating (auto-restart)", "failed (failed)" and so on; empty
            where systemd cannot be asked.
        line: What the program says of itself: its last STATUS=.
        seconds: Since the state is what it is; None where it never changed.
        restarts: By systemd, since it was started last by hand or at power-on.
        enabled: Whether it starts at power-on.
        result: Why it ended last: "success", "watchdog", "exit-code", "signal" ...
        pid: Of the program; None while it does not run.
        version: Of the program installed; empty where it is not known.
        prefix: Where.
        config: The configuration in force.
        log: The last lines; empty where they may not be read.
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
    log: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether the program runs and has said that it is ready."""
        return self.state.split(" ")[0] in ("active", "reloading")


def read_status(machine: Machine, places: Places, now_s: float | None = None) -> Status:
    """Look at the service; nothing is changed, and root is not needed.

    Args:
        machine: To ask.
        places: Where things lie.
        now_s: The time of systemd's monotonic clock, seconds.
    """
    try:
        manifest = load_manifest(places.manifest)
    except ServiceError:
        manifest = None
    asked = machine.ask("systemctl", "show", f"--property={','.join(PROPERTIES)}", UNIT)
    pairs = (line.partition("=") for line in asked.stdout.splitlines())
    properties = {key: value for key, _, value in pairs}
    changed_us = int(properties.get("StateChangeTimestampMonotonic") or 0)
    now_s = time.clock_gettime(time.CLOCK_MONOTONIC) if now_s is None else now_s
    state = ""
    if properties.get("ActiveState"):
        state = f"{properties['ActiveState']} ({properties.get('SubState', '')})"
    return Status(
        installed=places.unit.exists(),
        state=state,
        line=properties.get("StatusText", ""),
        seconds=max(0.0, now_s - changed_us / 1e6) if changed_us else None,
        restarts=int(properties.get("NRestarts") or 0),
        enabled=properties.get("UnitFileState") == "enabled",
        result=properties.get("Result", ""),
        pid=int(properties.get("MainPID") or 0) or None,
        version=manifest.version if manifest else "",
        prefix=manifest.prefix if manifest else "",
        config=str(places.config) if places.config.exists() else "",
        log=_log(machine) if places.unit.exists() else (),
    )


def as_json(status: Status) -> dict[str, Any]:
    """Return it for programs."""
    return {**asdict(status), "log": list(status.log), "running": status.running}


def as_lines(status: Status) -> list[str]:
    """Return it for people."""
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
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    if status.log:
        return [*lines, "", *status.log]
    return [*lines, "", "no log that this user may read: sudo journalctl -u pose-edge"]


def _log(machine: Machine) -> tuple[str, ...]:
    done = machine.ask(
        *("journalctl", f"--unit={UNIT}", f"--lines={LOG_LINES}", "--no-pager", "--quiet"),
        "--output=short-iso",
    )
    return tuple(done.stdout.splitlines()) if done.status == 0 else ()


def _duration(seconds: float) -> str:
    """Write a time in its two largest units."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days:.0f} d {hours % 24:.0f} h"
    if hours:
        return f"{hours:.0f} h {minutes % 60:.0f} min"
    return f"{minutes:.0f} min {seconds % 60:.0f} s" if minutes else f"{seconds:.0f} s"
