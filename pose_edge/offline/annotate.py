"""Draw the poses on every frame of a video, a picture or a folder of pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, OutputError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.offline.drawn_names import WRITTEN_SUFFIXES, name_alone, name_in_folder
from pose_edge.overlay import Renderer
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.jsonl import PoseFile, pose_file
from pose_edge.sinks.recorder import Recorder, recorder
from pose_edge.sinks.restarting_sink import close_together
from pose_edge.sinks.segment_files import check_target
from pose_edge.sources import Source, choose_source
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util.paths import exists, is_dir
from pose_edge.util.urls import redact

OutputFile = Recorder | PoseFile
Write = Callable[[Image, Result], None]
"""Writes a drawn picture of a result."""


@dataclass(frozen=True, slots=True)
class AnnotateReport:
    """Outcome of `annotate`.

    Attributes:
        frames: Number of processed frames.
        with_person: Number of those with at least one person.
        output: The written file or folder, or None if only poses were written.
        finished: Whether the input was read to its end.
        missing: What of the input could not be read, in words; None when nothing is missing.
    """

    frames: int
    with_person: int
    output: Path | None
    finished: bool
    missing: str | None


def annotate(
    settings: Settings,
    source_name: str,
    output: str | None,
    *,
    draw: bool,
    stop: threading.Event,
    progress: Callable[[int, int | None], None],
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

    Raises:
        PoseEdgeError: The model, the input or an output cannot be opened, or an output is full.
    """
    source = choose_source(
        settings.source.model_copy(update={"name": source_name, "loop": False}), settings.camera
    )
    if source.live or source_name == "auto":
        shown = redact(source_name)
        raise UsageError("annotate reads files", remedy=f"use `pose-edge run --source {shown}`")
    frames = with_person = 0
    files: list[OutputFile] = []
    with ExitStack() as stack:
        estimator = load_model(settings, stack, wait=True, stop=stop)
        target = _target(source_name, source, output) if draw else None
        stack.callback(close_together, files)
        poses = _open_poses(settings, files)
        tracker = PoseTracker(settings, live=False)
        pipeline = Pipeline(source, estimator, Telemetry(), tracker=tracker, sinks=poses)
        stack.callback(pipeline.stop)
        pipeline.open()
        write = None
        if target is not None and source.still:
            write = _open_pictures(target, folder=is_dir(Path(source_name)))
        elif target is not None:
            record = settings.record.model_copy(update={"path": str(target)})
            video = recorder(record, None, frame_rate=source.frame_rate, report=_ignore)
            _open(video, files)
            write = partial(_write_frame, video)
        renderer = Renderer(settings.overlay, mirror=False)
        # Closing it gives the last result back before the pipeline stops, whatever fails here.
        for result in stack.enter_context(closing(_results(pipeline, stop, files))):
            if write is not None:
                write(renderer.draw(renderer.scene(result)), result)
            frames += 1
            with_person += bool(result.poses)
            progress(frames, source.frame_count)
    _raise_failure(files)
    return AnnotateReport(frames, with_person, target, not stop.is_set(), source.missing)


def _results(
    pipeline: Pipeline, stop: threading.Event, files: Sequence[OutputFile]
) -> Generator[Result, None, None]:
    """Run the pipeline and yield its results, each released after use.

    Raises:
        OutputError: One of the files cannot be written any more.
    """
    pipeline.start()
    with suppress(EndOfStream):
        while True:
            if stop.is_set():
                pipeline.stop()
            _raise_failure(files)
            result = pipeline.take(0.1)
            if result is None:
                continue
            try:
                yield result
            finally:
                result.release()


def _open_pictures(target: Path, *, folder: bool) -> Write:
    if folder:
        try:
            target.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {target}: {error.strerror}") from error
    else:
        check_target(str(target), "the picture")

    def write(canvas: Image, result: Result) -> None:
        name = result.frame.file
        path = target / name_in_folder(name) if folder and name else target
        write_picture(path, canvas, result.frame.order)

    return write


def _write_frame(video: Recorder, canvas: Image, result: Result) -> None:
    video.send(canvas, result.frame.order, result.frame.time)


def _open_poses(settings: Settings, files: list[OutputFile]) -> list[PoseFile]:
    if settings.poses.path is None:
        return []
    poses = pose_file(settings.poses, None, report=_ignore)
    _open(poses, files)
    return [poses]


def _open(file: OutputFile, files: list[OutputFile]) -> None:
    file.open()
    files.append(file)


def _ignore(_reason: str | None) -> None:
    """Report nothing: a file that fails ends the run."""


def _raise_failure(files: Sequence[OutputFile]) -> None:
    for file in files:
        if file.failed:
            raise OutputError(file.failed)


def write_picture(path: Path, image: Image, order: ColourOrder) -> None:
    """Write a picture, completely or not at all.

    Args:
        path: The file; its suffix chooses the format.
        image: uint8 (height, width, 3).
        order: Order of the colours.

    Raises:
        OutputError: The file cannot be written.
    """
    bgr = image if order == "BGR" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    part = path.with_name(f".{path.name}.part")
    try:
        done, encoded = cv2.imencode(path.suffix, bgr)
        if not done:
            raise OutputError(f"{path} cannot be encoded")
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _target(source_name: str, source: Source, output: str | None) -> Path:
    """Return the file or folder to write, and refuse to overwrite the input."""
    given = Path(source_name)
    if is_dir(given):
        target = Path(output or f"{given.resolve().name}-poses")
    else:
        usual = name_alone(given.name) if source.still else f"{given.stem}-poses.mp4"
        target = Path(output or usual)
        target = target / usual if is_dir(target) else target
        allowed = WRITTEN_SUFFIXES if source.still else {".mp4"}
        if target.suffix.lower() not in allowed:
            kinds = " ".join(sorted(allowed))
            raise UsageError(f"-o {target}: the name must end in one of {kinds}")
    if exists(target) and exists(given) and target.samefile(given):
        raise UsageError(f"-o {target} is the input", remedy="choose another name")
    return target
