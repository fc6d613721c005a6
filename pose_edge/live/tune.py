"""The command `tune`: a run in which all candidates are measured."""

from __future__ import annotations

from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError, UsageError
from pose_edge.live.auto_model import Tuned, TuneRequest
from pose_edge.live.run import run
from pose_edge.live.signals import Signals
from pose_edge.sources import choose_source
from pose_edge.zoo.registry import AUTO

OUTPUT_SECTIONS: Final = frozenset(
    ("record", "poses", "csv", "udp", "osc", "mqtt", "websocket", "metrics", "web")
)
"""The sections of the outputs, which are switched off during a measurement."""


def tune(settings: Settings, signals: Signals, target_fps: float | None = None) -> Tuned:
    """Measure the candidates with the configured source and screen, and choose one.

    Args:
        settings: The settings; outputs are switched off.
        signals: The requests that come as signals, which may end the measurement early.
        target_fps: The frame rate to keep up with; None for that of the source.

    Returns:
        The measurements and the chosen model.

    Raises:
        UsageError: The source has no frame rate.
        PoseEdgeError: Something that is needed is unavailable, or the measurement was ended early.
    """
    if choose_source(settings.source, settings.camera).still:
        raise UsageError(
            f"{settings.source.name}: pictures have no rate that a model must hold",
            remedy="take a camera, a video, or --source demo",
        )
    found: list[Tuned] = []

    def done(tuned: Tuned) -> None:
        found.append(tuned)
        signals.stop.set()

    changed = _only_measuring(settings)
    run(changed, signals, lambda: changed, tune=TuneRequest(done, target_fps))
    if not found:
        raise PoseEdgeError("nothing was chosen: it ended before all models were measured")
    return found[0]


def _only_measuring(settings: Settings) -> Settings:
    """Return settings for a run that only measures, without any output."""
    source, off = (
        settings.source.model_copy(update={"loop": True, "pace": True, "poses": None}),
        Settings(),
    )
    return settings.model_copy(
        update={
            "source": source,
            "model": settings.model.model_copy(update={"name": AUTO}),
            **{name: getattr(off, name) for name in OUTPUT_SECTIONS},
            "run": settings.run.model_copy(update={"max_frames": None, "duration": None}),
        }
    )
