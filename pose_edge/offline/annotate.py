"""The command `annotate`: draw the poses on every frame of a video, picture or folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2

from pose_edge.config.schema import RecordSettings, Settings
from pose_edge.errors import EndOfStream, OutputError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.overlay.renderer import Renderer
from pose_edge.pipeline.loading import load_model
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.jsonl import JsonLines
from pose_edge.sinks.recorder import Recorder
from pose_edge.sinks.target import check_target
from pose_edge.sources import Source, choose_source
from pose_edge.sources.pictures import Pictures
from pose_edge.sources.spec import PICTURE_SUFFIXES
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util.urls import redact

Progress = Callable[[int, int | None], None]
"""Called with the frames done and, where known, their number."""


@dataclass(frozen=True, slots=True)
class AnnotateReport:
    """What was done.

    Attributes:
        frames: Frames that were processed.
        with_person: Frames in which somebody was found.
        output: Where the pictures are, or None when only poses were asked for.
        finished: The input was read to its end.
        unreadable: Files of a folder that are no pictures.
    """

    frames: int
    with_person: int
    output: Path | None
    finished: bool
    unreadable: tuple[Path, ...]


class _Output(Protocol):
    """Where the drawn pictures go."""

    @property
    def failed(self) -> str | None:
        """Why it gave up, or None."""

    def add(self, canvas: Image, result: Result) -> None:
        """Take a drawn picture."""

    def close(self) -> None:
        """Finish."""


class _VideoOutput:
    def __init__(self, path: Path, settings: RecordSettings, frame_rate: float | None) -> None:
        self._recorder = Recorder(
            str(path), settings, frame_rate=frame_rate, drop=False, report=lambda _reason: None
        )
        self._recorder.open()

    @property
    def failed(self) -> str | None:
        return self._recorder.failed

    def add(self, canvas: Image, result: Result) -> None:
        self._recorder.add(canvas, result.frame.order, result.frame.time)

    def close(self) -> None:
        self._recorder.close()


class _PictureOutput:
    failed: str | None = None

    def __init__(self, path: Path, *, folder: bool) -> None:
        self._path = path
        self._folder = folder
        if not folder:
            check_target(str(path), "the picture")
            return
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {path}: {error.strerror}") from error

    def add(self, canvas: Image, result: Result) -> None:
        name = result.frame.file
        path = self._path / name if self._folder and name else self._path
        write_picture(path, canvas, result.frame.order)

    def close(self) -> None:
        """Each picture is finished already."""


def annotate(
    settings: Settings,
    source_name: str,
    output: str | None,
    *,
    draw: bool,
    stop: threading.Event,
    progress: Progress,
) -> AnnotateReport:
    """Process every frame of an input.

    Args:
        settings: Model, overlay, quality, and where the poses go.
        source_name: A video, a picture, a folder of pictures, or "demo".
        output: A file (or, for a folder, a folder); None for a name made from the input's, in the
            current folder.
        draw: Whether pictures are wanted at all, or only poses.
        stop: Set it to end in order.
        progress: Told how far it is.

    Raises:
        PoseEdgeError: The model, the input or the output cannot be had, or the output is full.
    """
    source = choose_source(
        settings.source.model_copy(update={"name": source_name, "loop": False}), settings.camera
    )
    if source.live or source_name == "auto":
        shown = redact(source_name)
        raise UsageError(f"annotate reads files; use `pose-edge run --source {shown}`")
    frames = with_person = 0
    with ExitStack() as stack:
        estimator = load_model(settings, stack, wait=True, stop=stop)
        target = _target(source_name, source, output) if draw else None
        poses = _open_poses(settings)
        if poses is not None:
            stack.callback(poses.close)
        renderer = Renderer(settings.overlay, mirror=False)
        pipeline = Pipeline(
            source,
            estimator,
            Telemetry(),
            tracker=PoseTracker(settings, live=False),
            sinks=[poses] if poses else [],
        )
        stack.callback(pipeline.stop)
        pipeline.open()
        pictures = None
        if target is not None:
            pictures = _open_output(target, source, source_name, settings.record)
            stack.callback(pictures.close)
        pipeline.start()
        with suppress(EndOfStream):
            while True:
                if stop.is_set():
                    pipeline.stop()
                _raise_failure(pictures, poses)
                result = pipeline.take(0.1)
                if result is None:
                    continue
                try:
                    if pictures is not None:
                        pictures.add(renderer.draw(renderer.scene(result)), result)
                finally:
                    result.release()
                frames += 1
                with_person += bool(result.poses)
                progress(frames, source.frame_count)
    _raise_failure(pictures, poses)
    return AnnotateReport(
        frames=frames,
        with_person=with_person,
        output=target,
        finished=not stop.is_set(),
        unreadable=tuple(source.unreadable) if isinstance(source, Pictures) else (),
    )


def write_picture(path: Path, image: Image, order: ColourOrder) -> None:
    """Write a picture, whole or not at all.

    Args:
        path: The file; its ending says the format.
        image: uint8 (height, width, 3).
        order: Its order of colours.

    Raises:
        OutputError: It cannot be written.
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


def _open_poses(settings: Settings) -> JsonLines | None:
    if settings.poses.path is None:
        return None
    poses = JsonLines(settings.poses.path, drop=False, report=lambda _reason: None)
    poses.open()
    return poses


def _open_output(
    target: Path, source: Source, source_name: str, settings: RecordSettings
) -> _Output:
    if source.still:
        return _PictureOutput(target, folder=Path(source_name).is_dir())
    return _VideoOutput(target, settings, source.frame_rate)


def _target(source_name: str, source: Source, output: str | None) -> Path:
    """Choose where the pictures go, and refuse what would overwrite the input."""
    given = Path(source_name)
    folder = given.is_dir()
    if folder:
        target = Path(output) if output else Path(f"{given.resolve().name}-poses")
    else:
        suffix = given.suffix if source.still else ".mp4"
        usual = f"{given.stem}-poses{suffix}"
        target = Path(output) if output else Path(usual)
        target = target / usual if target.is_dir() else target
        allowed = PICTURE_SUFFIXES if source.still else {".mp4"}
        if target.suffix.lower() not in allowed:
            kinds = " ".join(sorted(allowed))
            raise UsageError(f"-o {target}: the name must end in one of {kinds}")
    if target.exists() and given.exists() and target.samefile(given):
        raise UsageError(f"-o {target} is the input; choose another name")
    return target


def _raise_failure(*outputs: _Output | JsonLines | None) -> None:
    for output in outputs:
        if output is not None and output.failed:
            raise OutputError(output.failed)
