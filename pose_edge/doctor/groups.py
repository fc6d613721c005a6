"""Check which devices this user may not open, and which group would give access."""

from __future__ import annotations

import grp
from collections.abc import Iterator
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding
from pose_edge.util.device_access import can_open, current_groups, current_user, how_to_join

GROUPS: Final = {
    "video": ("cameras and the HDMI screen", ("video*", "media*", "dri/card*")),
    "render": ("drawing by the graphics processor", ("dri/renderD*", "dma_heap/*")),
    "input": ("keys where there is no desktop", ("input/event*",)),
    "tty": ("the console where there is no desktop", ("tty1",)),
    "plugdev": ("the Coral", ("apex_*",)),
}
"""Purpose of each group, and patterns of its device nodes below /dev."""


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine the groups that the devices of this machine need."""
    user, groups = current_user(), current_groups()
    if user == "root":
        yield Finding("user", "ok", "root, who may open everything")
        return
    yield Finding("user", "ok", f"{user}; groups: {', '.join(sorted(groups))}")
    existing = {entry.gr_name for entry in grp.getgrall()}
    for group, (purpose, patterns) in GROUPS.items():
        if group in groups or group not in existing:
            continue
        nodes = (node for pattern in patterns for node in sorted(context.dev.glob(pattern)))
        closed = next((node for node in nodes if not can_open(node)), None)
        if closed is not None:  # otherwise no device needs it, or the desktop session has access
            text = f"not in group {group}, which is for {purpose}: {closed} cannot be opened"
            yield Finding(group, "warning", text, how_to_join(group))
