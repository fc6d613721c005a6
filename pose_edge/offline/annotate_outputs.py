"""The files that `annotate` writes."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from typing import Final

import cv2

from pose_edge.config.schema import RecordSettings, Settings
from pose_edge.errors import OutputError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.offline.drawn_names import WRITTEN_SUFFIXES, name_alone, name_in_folder
from pose_edge.poses import Result
from pose_edge.sinks.jsonl import PoseFile, pose_file
from pose_edge.sinks.name_pattern import NamePattern, is_standard_output
from pose_edge.sinks.output_guard import Target, check_outputs, entries
from pose_edge.sinks.recorder import Recorder, recorder
from pose_edge.sinks.restarting_sink import close_together
from pose_edge.sources import Source
from pose_edge.sources.pictures import shortened
from pose_edge.util.atomic import write_complete
from pose_edge.util.paths import is_dir, typed, user_path
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

FAULTS_OF_ONE: Final = frozenset(
    (
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EFBIG),
        *(errno.EEXIST, errno.EISDIR, errno.EPERM, errno.ETXTBSY),
    )
)
"""Errors of the system that concern one picture: its name, its size, or what is in its place."""


class PictureOutputError(OutputError):
    """One picture cannot be written; that says nothing about others."""


class AnnotateOutputs:
    """The drawn pictures or video, and the poses.

    They are named and checked when this is made, before anything is opened; then opened one by one,
    and closed together.

    Attributes:
        poses: The pose file, once it is open and if there is one.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        output: str | None,
        *,
        draw: bool,
        config: Path | None,
        replace: bool,
    ) -> None:
        """Choose the names, and make sure that nothing is destroyed.

        Args:
            settings: Name of the source, quality, and path of the poses.
            source: The source, not open.
            output: See `annotate`.
            draw: See `annotate`.
            config: See `annotate`.
            replace: See `annotate`.

        Raises:
            UsageError: A name cannot be used, or something would be destroyed.
        """
        self._input = user_path(settings.source.name)
        self._folder = is_dir(self._input)
        self._replace = replace
        self._target = self._choose_target(output, still=source.still) if draw else None
        self._pictures = source.still and self._target is not None
        video = None if source.still or self._target is None else typed(self._target)
        self._record = settings.record.model_copy(update={"path": video})
        self._poses = settings.poses
        if self._poses.path is not None and not is_standard_output(self._poses.path):
            path = typed(NamePattern(self._poses.path).current())
            self._poses = self._poses.model_copy(update={"path": path})
        settings = settings.model_copy(update={"record": RecordSettings(), "poses": self._poses})
        drawn = self._drawn_targets()
        check_outputs(settings, config, numbered=False, replace=replace, drawn=drawn)
        self._recorder: Recorder | None = None
        self._unwritten: list[str] = []
        self._sent = 0
        self.poses: PoseFile | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files so far; of a folder of pictures the folder."""
        pictures = [self._target] if self._pictures and self._target else []
        return (*pictures, *(path for sink in self._sinks() for path in sink.paths))

    def open_poses(self) -> None:
        """Open the pose file, if there is one.

        Raises:
            OutputError: It cannot be written.
        """
        if self._poses.path is not None:
            poses = pose_file(self._poses, None, report=_ignore, replace=self._replace)
            poses.open()
            self.poses = poses

    def open_pictures(self, frame_rate: float | None) -> None:
        """Open the video, or make the folder of the pictures.

        Raises:
            OutputError: They cannot.
        """
        target = self._target
        if target is None:
            return
        if not self._pictures:
            video = recorder(
                self._record, None, frame_rate=frame_rate, report=_ignore, replace=self._replace
            )
            video.open()
            self._recorder = video
        elif self._folder:
            try:
                target.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"cannot make the folder {target}: {error.strerror}") from error

    @property
    def missing(self) -> tuple[str, ...]:
        """The pictures of a folder that could not be written, in words for people."""
        if not self._unwritten:
            return ()
        count = f"{len(self._unwritten)} of {counted(self._sent, 'picture')}"
        return (f"{count} could not be written ({shortened(self._unwritten)})",)

    @property
    def drawn(self) -> bool:
        """Whether pictures are to be drawn."""
        return self._target is not None

    @property
    def unread(self) -> bool:
        """Whether nobody reads the poses any more, and nothing else is to be written."""
        return not self.drawn and self.poses is not None and self.poses.unread

    def write(self, canvas: Image, result: Result) -> None:
        """Write the drawn picture of a result; one of a folder may fail, see `missing`.

        Raises:
            OutputError: It cannot be written, nor others; a video says so at `check`.
        """
        frame = result.frame
        if self._recorder is not None:
            self._recorder.send(canvas, frame.order, frame.time)
        elif self._target is not None:
            inside = self._folder and frame.file is not None
            path = self._target / name_in_folder(frame.file or "") if inside else self._target
            self._sent += 1
            try:
                write_picture(path, canvas, frame.order, replace=self._replace)
            except PictureOutputError as error:
                if not self._folder:
                    raise
                log.error("%s", error)
                self._unwritten.append(path.name)

    def check(self) -> None:
        """Make sure that everything could be written so far; after `close`, that it was.

        Raises:
            OutputError: A file cannot be written any more.
        """
        for sink in self._sinks():
            if sink.failed:
                raise OutputError(sink.failed)

    def close(self) -> None:
        """Finish the files."""
        close_together(self._sinks())

    def _sinks(self) -> list[Recorder | PoseFile]:
        return [sink for sink in (self._recorder, self.poses) if sink is not None]

    def _choose_target(self, output: str | None, *, still: bool) -> Path:
        """Return the file or folder of the pictures."""
        given = self._input
        if self._folder:
            return NamePattern(output or f"{given.resolve().name}-poses").current()
        usual = name_alone(given.name) if still else f"{given.stem}-poses.mp4"
        target = NamePattern(output or usual).current()
        if is_dir(target):
            target /= usual
        allowed = WRITTEN_SUFFIXES if still else {".mp4"}
        if target.suffix.lower() not in allowed:
            kinds = " ".join(sorted(allowed))
            raise UsageError(f"-o {target}: the name must end in one of {kinds}")
        return target

    def _drawn_targets(self) -> list[Target]:
        """Return the video, or the pictures and the folder that they lie in."""
        target = self._target
        if target is None:
            return []
        pictures = [name_in_folder(path.name) for path in entries(self._input)]
        return [
            Target("-o", target, folder=self._folder),
            *(Target("-o", target / name) for name in pictures),
        ]


def write_picture(path: Path, image: Image, order: ColourOrder, *, replace: bool = False) -> None:
    """Write a picture, completely or not at all.

    Args:
        path: The file; its suffix chooses the format.
        image: uint8 (height, width, 3).
        order: Order of the colours.
        replace: Whether a file that exists is replaced.

    Raises:
        PictureOutputError: This file cannot be written.
        OutputError: None can, e.g. because the disk is full.
    """
    bgr = image if order == "BGR" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(path.suffix, bgr)
    if not done:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise PictureOutputError(
            f"{path} cannot be written: {size} pixels are too large for {path.suffix}"
        )
    try:
        write_complete(path, encoded.tobytes(), replace=replace)
    except OSError as error:
        kind = PictureOutputError if error.errno in FAULTS_OF_ONE else OutputError
        raise kind(f"{path} cannot be written: {error.strerror}") from error


def _ignore(_reason: str | None) -> None:
    """Report nothing: a file that fails ends the run."""
