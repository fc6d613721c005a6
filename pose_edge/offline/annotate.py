"""Draw the poses on every frame of a video, a picture or a folder of pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, UsageError
from pose_edge.offline.annotate_outputs import AnnotateOutputs
from pose_edge.overlay import Renderer
from pose_edge.pipeline.loading import load_model, thorough
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sources import choose_source
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util.urls import redact


@dataclass(frozen=True, slots=True)
class AnnotateReport:
    """Outcome of `annotate`.

    Attributes:
        frames: Number of processed frames.
        with_person: Number of those with at least one person.
        outputs: The files that were written, or the folder of pictures.
        finished: Whether the input was read to its end.
        missing: What could not be read or written, in words; empty when nothing is missing.
    """

    frames: int
    with_person: int
    outputs: tuple[Path, ...]
    finished: bool
    missing: tuple[str, ...]


def annotate(
    settings: Settings,
    source_name: str,
    output: str | None,
    *,
    draw: bool,
    stop: threading.Event,
    progress: Callable[[int, int | None], None],
    config: Path | None = None,
    replace: bool = False,
) -> AnnotateReport:
    """Process every frame of an input.

    Args:
        settings: Model, overlay, quality, and path of the poses.
        source_name: A video, a picture, a folder of pictures, or "demo".
        output: A file (or, for a folder, a folder); None for a name made from the input's, in the
            current folder.
        draw: Whether to write pictures, or only poses.
        stop: Set it to end in order.
        progress: Called with the frames done and, where known, their number.
        config: The configuration file, which is not overwritten.
        replace: Whether files may be replaced that exist already.

    Raises:
        UsageError: An output would destroy something; nothing was opened.
        PoseEdgeError: The model, the input or an output cannot be opened, or an output is full.
    """
    name = settings.source.model_copy(update={"name": source_name, "loop": False})
    settings = settings.model_copy(update={"source": name})
    source = choose_source(name, settings.camera)
    if source.live or source_name == "auto":
        shown = redact(source_name)
        raise UsageError("annotate reads files", remedy=f"use `pose-edge run --source {shown}`")
    outputs = AnnotateOutputs(settings, source, output, draw=draw, config=config, replace=replace)
    frames = with_person = 0
    with ExitStack() as stack:
        estimator = load_model(thorough(settings), stack, wait=True, stop=stop)
        stack.callback(outputs.close)
        outputs.open_poses()
        tracker = PoseTracker(settings, live=False)
        sinks = [outputs.poses] if outputs.poses else []
        pipeline = Pipeline(source, estimator, Telemetry(), tracker=tracker, sinks=sinks)
        stack.callback(pipeline.stop)
        pipeline.open()
        outputs.open_pictures(source.frame_rate)
        renderer = Renderer(settings.overlay, mirror=False)
        # Closing it gives the last result back before the pipeline stops, whatever fails here.
        for result in stack.enter_context(closing(_results(pipeline, stop, outputs))):
            if outputs.drawn:
                outputs.write(renderer.draw(renderer.scene(result)), result)
            frames += 1
            with_person += bool(result.poses)
            progress(frames, source.frame_count)
    outputs.check()
    missing = (*pipeline.missing, *outputs.missing)
    return AnnotateReport(frames, with_person, outputs.paths, not stop.is_set(), missing)


def _results(
    pipeline: Pipeline, stop: threading.Event, outputs: AnnotateOutputs
) -> Generator[Result, None, None]:
    """Run the pipeline and yield its results, each released after use.

    Raises:
        OutputError: One of the outputs cannot be written any more.
    """
    pipeline.start()
    with suppress(EndOfStream):
        while True:
            if stop.is_set() or outputs.unread:
                pipeline.stop()
            outputs.check()
            result = pipeline.take(0.1)
            if result is None:
                continue
            try:
                yield result
            finally:
                result.release()
