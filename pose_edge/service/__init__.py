"""The program as a systemd service: put there, taken away, looked at.

`install` and `uninstall` are lists of small steps. Each can be done again, so that an interrupted
one is mended by starting it anew, and an upgrade is the same as an install. What `install` puts
where is noted in a manifest before it is put there; `uninstall` takes away exactly that.
"""

from __future__ import annotations

from pose_edge.service.installing import Wishes, install
from pose_edge.service.machine import Machine
from pose_edge.service.origin import find_origin
from pose_edge.service.places import Places, find_places
from pose_edge.service.status import Status, as_json, as_lines, read_status
from pose_edge.service.steps import ServiceError
from pose_edge.service.uninstalling import uninstall

__all__ = [
    "Machine",
    "Places",
    "ServiceError",
    "Status",
    "Wishes",
    "as_json",
    "as_lines",
    "find_origin",
    "find_places",
    "install",
    "read_status",
    "uninstall",
]
