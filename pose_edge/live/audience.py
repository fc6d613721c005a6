"""Check whether a run's results reach anybody, and advise what to do if they do not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.displays.choice import choices
from pose_edge.errors import DisplayError, SourceError
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.util.paths import exists

X_SOCKETS: Final = Path("/tmp/.X11-unix")  # noqa: S108 - where every X server puts them
"""Folder of the X servers' sockets; X0 belongs to display :0."""

OUTPUTS: Final = "or use --record OUT.mp4 or --poses OUT.jsonl (--poses - prints them)"


def find_audience(
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
    x_sockets: Path = X_SOCKETS,
) -> str | None:
    """Check whether a run has a screen or another output.

    Args:
        settings: Source, screen and outputs.
        environment: Environment variables, which name the desktop.
        x_sockets: Folder of the X servers' sockets.

    Returns:
        None if the run has an output, or if the settings choose the kind of screen; otherwise
        advice for the user. A screen that is connected later is used in any case.

    Raises:
        DisplayError: No camera is connected either, so the demo clip would play for nobody.
    """
    others = (
        *(settings.record.path, settings.poses.path, settings.csv.path),
        *(settings.udp.target, settings.osc.targets, settings.mqtt.url),
        *(settings.websocket.listen, settings.web.enabled),
    )
    if settings.display.kind != "auto" or any(others):
        return None
    if choices(settings.display, environment, Path(settings.testing.sysfs)):
        return None
    advice = f"connect a screen, {OUTPUTS}"
    if exists(x_sockets / "X0"):
        advice = f"show it on this machine's desktop with `DISPLAY=:0 pose-edge run`, {OUTPUTS}"
    endless = settings.run.duration is None and settings.run.max_frames is None
    if endless and _is_demo(settings):
        raise DisplayError(
            "there is no camera and no screen, so nobody would see the demo clip",
            remedy=advice,
        )
    return f"there is no screen and no other output: {advice}"


def _is_demo(settings: Settings) -> bool:
    """Return whether the demo clip is played because no camera is connected."""
    if settings.camera.wait or parse_source(settings.source.name).kind is not SourceKind.AUTO:
        return False
    from pose_edge.sources.any_camera import find_candidates

    try:
        find_candidates(settings.camera)
    except SourceError:
        return True
    return False
