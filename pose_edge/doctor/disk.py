"""Check the free space of the disks that the program writes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.machine import size
from pose_edge.doctor.report import Finding, Verdict
from pose_edge.sinks.name_pattern import is_standard_output
from pose_edge.util import resources
from pose_edge.util.paths import absolute, is_dir, mount_point, user_path

LOW_BYTES, LOW_SHARE = 500_000_000, 0.05
"""Free bytes, and free share of a disk, below which there is a warning."""
FULL_BYTES: Final = 50_000_000
"""Free bytes below which there is a fault."""
STATE: Final = Path("/var/lib/pose-edge")
"""Home folder of the service's user."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine the file system of every folder that the program writes to."""
    disks: dict[int, tuple[Path, list[str]]] = {}
    for use, folder in places(context).items():
        if not is_dir(folder) and use in ("recordings", "poses", "csv"):
            remedy = f"`mkdir -p {folder}`, or name another folder"
            yield Finding(use, "fault", f"there is no folder {folder}", remedy)
            continue
        present = next(one for one in (folder, *folder.parents) if is_dir(one))
        _folder, uses = disks.setdefault(present.stat().st_dev, (present, []))
        uses.append(use)
    for folder, uses in disks.values():
        yield _space(folder, uses)


def places(context: DoctorContext) -> dict[str, Path]:
    """Return the folders that the program writes to, by their use, e.g. "recordings"."""
    settings = context.settings
    found = {"system": Path("/")}
    if settings.record.path is not None:
        found["recordings"] = absolute(user_path(settings.record.path)).parent
    for use, path in (("poses", settings.poses.path), ("csv", settings.csv.path)):
        if path is not None and not is_standard_output(path):
            found[use] = absolute(user_path(path)).parent
    found["models"] = resources.fetched_dir(context.environment)
    if is_dir(STATE):
        found["service"] = STATE
    return found


def verdict_of(free: int, total: int) -> Verdict:
    """Judge the free space of a disk.

    Args:
        free: Free space, bytes.
        total: Size of the disk, bytes.
    """
    if free < FULL_BYTES:
        return "fault"
    return "warning" if free < LOW_BYTES or free < total * LOW_SHARE else "ok"


def _space(folder: Path, uses: list[str]) -> Finding:
    status = os.statvfs(folder)
    total, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
    mount = mount_point(folder)
    subject = "system" if "system" in uses else uses[0]
    others = [use for use in uses if use != subject]
    holds = f"{mount} ({', '.join(others)} too)" if others else str(mount)
    text = f"{holds}: {size(free)} of {size(total)} free"
    if status.f_flag & os.ST_RDONLY:
        text = f"{holds}: read-only"
        if not {"recordings", "poses", "csv", "service"} & set(uses):
            return Finding(subject, "ok", text)
        remedy = f"`sudo mount -o remount,rw {mount}`, and see `dmesg` for the reason"
        return Finding(subject, "fault", text, remedy)
    if status.f_files and not status.f_favail:
        remedy = "remove small files that are not needed"
        return Finding(subject, "fault", f"{text}, but no more files can be made", remedy)
    verdict = verdict_of(free, total) if total else "ok"
    if verdict == "ok":
        return Finding(subject, verdict, text)
    remedy = "remove old recordings, `sudo apt clean`, `sudo journalctl --vacuum-size=100M`"
    return Finding(subject, verdict, text, remedy)
