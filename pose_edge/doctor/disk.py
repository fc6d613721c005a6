"""Free space where files go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding, Verdict
from pose_edge.doctor.machine import size
from pose_edge.util import resources
from pose_edge.util.paths import user_path

SECTION: Final = "Disk"

_finding = partial(Finding, SECTION)

LOW_BYTES, LOW_SHARE = 500_000_000, 0.05
FULL_BYTES: Final = 50_000_000
STATE: Final = Path("/var/lib/pose-edge")
"""The home of the service's user."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Look at the file systems of everything that is written."""
    seen: dict[int, list[str]] = {}
    folders: dict[int, Path] = {}
    for what, folder in places(context).items():
        if not folder.is_dir() and what in ("recordings", "poses"):
            remedy = f"`mkdir -p {folder}`, or name another place"
            yield _finding(what, "fault", f"there is no folder {folder}", remedy)
            continue
        there = _nearest(folder)
        device = there.stat().st_dev
        seen.setdefault(device, []).append(what)
        folders.setdefault(device, there)
    for device, uses in seen.items():
        yield _space(folders[device], uses)


def places(context: DoctorContext) -> dict[str, Path]:
    """Return what is written, and to which folder."""
    settings = context.settings
    found = {"system": Path("/")}
    if settings.record.path is not None:
        found["recordings"] = user_path(settings.record.path).absolute().parent
    if settings.poses.path not in (None, "-"):
        found["poses"] = user_path(str(settings.poses.path)).absolute().parent
    found["models"] = resources.fetched_dir(context.environment)
    if STATE.is_dir():
        found["service"] = STATE
    return found


def verdict_of(free: int, total: int) -> Verdict:
    """Judge free space, bytes."""
    if free < FULL_BYTES:
        return "fault"
    return "warning" if free < LOW_BYTES or free < total * LOW_SHARE else "ok"


def _space(folder: Path, uses: list[str]) -> Finding:
    status = os.statvfs(folder)
    total, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    mount = _mount_point(folder)
    subject = uses[0] if len(uses) == 1 or "system" not in uses else "system"
    others = [use for use in uses if use != subject]
    holds = f" ({', '.join(others)} too)" if others else ""
    text = f"{mount}{holds}: {size(free)} of {size(total)} free"
    writes = any(use in ("recordings", "poses", "service") for use in uses)
    if status.f_flag & os.ST_RDONLY:
        verdict: Verdict = "fault" if writes else "ok"
        remedy = f"`sudo mount -o remount,rw {mount}`, and see `dmesg` for why" if writes else ""
        return _finding(subject, verdict, f"{mount}{holds}: cannot be written to", remedy)
    if status.f_files and not status.f_favail:
        remedy = "remove small files that nobody needs"
        return _finding(subject, "fault", f"{text}, but no more files can be made", remedy)
    verdict = verdict_of(free, total) if total else "ok"
    if verdict == "ok":
        return _finding(subject, verdict, text)
    remedy = "remove old recordings, `sudo apt clean`, `sudo journalctl --vacuum-size=100M`"
    return _finding(subject, verdict, text, remedy)


def _nearest(folder: Path) -> Path:
    """Return a folder, or what there is of the way to it."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _mount_point(folder: Path) -> Path:
    folder = folder.resolve()
    return next(one for one in (folder, *folder.parents) if os.path.ismount(one))
