"""The systemd service: its installation, removal and status.

`install` and `uninstall` are lists of small idempotent steps. So an interrupted command is fixed by
running it again, and an upgrade is the same as an install. `install` records each path before it
writes there; `uninstall` removes exactly the recorded paths.

May import every folder up to pipeline, but not live, offline or doctor.

To install something more, add a step to `installing` and its counterpart to `uninstalling`.
"""

from __future__ import annotations

from pose_edge.service.installing import InstallOptions, install
from pose_edge.service.machine import Machine, ServiceError
from pose_edge.service.origin import find_origin
from pose_edge.service.places import Places, find_places
from pose_edge.service.status import ServiceStatus, as_json, as_lines, read_status
from pose_edge.service.uninstalling import uninstall

__all__ = [
    "InstallOptions",
    "Machine",
    "Places",
    "ServiceError",
    "ServiceStatus",
    "as_json",
    "as_lines",
    "find_origin",
    "find_places",
    "install",
    "read_status",
    "uninstall",
]
