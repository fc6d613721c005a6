"""The state of a run as JSON values, for the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pose_edge import __version__
from pose_edge.config.schema import Settings
from pose_edge.sinks.message import Record
from pose_edge.sinks.run_state import RunState
from pose_edge.supervision.supervisor import State
from pose_edge.web.history import latency_to_result, rounded

RECORDING: Final = "recording"
"""Name of the recording, both as an output and as a supervised part."""
STEERED: Final = (
    "model.name",
    "model.people",
    "edgetpu.mode",
    "overlay.min_keypoint_score",
    "camera.mirror",
    "overlay.background",
)
"""The settings that the page can change."""


def value_of(settings: Settings, key: str) -> Any:  # noqa: ANN401 - values of the settings
    """Return the value of a setting, e.g. of "model.name"."""
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def unsaved(settings: Settings, configured: Settings) -> list[str]:
    """Return the keys of `STEERED` whose values differ from those of the configuration."""
    return [key for key in STEERED if value_of(settings, key) != value_of(configured, key)]


def recording_name(state: RunState, settings: Settings) -> str | None:
    """Return the name of the file that is being recorded, or None.

    While the file is not known, this is the name pattern of the settings, with its placeholders.
    """
    if all(output.name != RECORDING for output in state.outputs):
        return None
    details = [
        part.detail
        for part in state.parts
        if part.name == RECORDING and part.state is State.RUNNING and part.detail
    ]
    return Path(details[0] if details else settings.record.path or "").name


def state_record(
    state: RunState,
    settings: Settings,
    configured: Settings,
    *,
    models: Sequence[str],
    events: Iterable[Record],
    watchers: int,
    clients: int,
) -> Record:
    """Return the state of a run as JSON values; docs/web.md describes them.

    Args:
        state: The state.
        settings: The settings in force.
        configured: The settings of the configuration as it was last read.
        models: Names of the models that can be chosen.
        events: The newest events, oldest first.
        watchers: Number of watchers of the live picture.
        clients: Number of clients of the pose lines.
    """
    provenance = state.provenance
    return {
        "version": __version__,
        "uptime_s": round(state.uptime_s, 1),
        "source": state.source,
        "live": state.live,
        "mirror": state.live and settings.camera.mirror,  # as the picture is drawn
        "screen": state.screen,
        "paused": state.paused,
        "model": provenance.models if provenance else None,
        "backend": provenance.backend if provenance else None,
        "note": provenance.note if provenance else "",
        "camera_fps": round(state.camera_fps, 1),
        "poses_fps": round(state.poses_fps, 1),
        "processed": state.processed,
        "skipped": state.skipped,
        "people": state.people,
        "latency_ms": rounded(latency_to_result(state)),
        "stages": {
            name: {"median": round(one.median, 2), "p95": round(one.p95, 2)}
            for name, one in state.stages.items()
        },
        "faults": state.faults,
        "parts": [{**asdict(part), "state": part.state.value} for part in state.parts],
        "outputs": [asdict(output) for output in state.outputs],
        "temperature": rounded(state.temperature),
        "events": list(events),
        "settings": {key: value_of(settings, key) for key in STEERED},
        "models": list(models),
        "recording": recording_name(state, settings),
        "unsaved": unsaved(settings, configured),
        "watchers": watchers,
        "clients": clients,
    }
