"""Choose the paths of the drawn copies that `annotate` makes, and write them."""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from pose_edge.config.outputs import RecordSettings
from pose_edge.errors import OutputError, UsageError
from pose_edge.frames import ColourOrder, Image
from pose_edge.offline.drawn_names import WRITTEN_SUFFIXES, name_alone, name_in_folder
from pose_edge.poses import Result
from pose_edge.sinks.name_pattern import RECORDING_SUFFIX, NamePattern
from pose_edge.sinks.output_guard import Target, entries
from pose_edge.sinks.recorder import Recorder, recorder
from pose_edge.sources.pictures import shortened
from pose_edge.util.atomic import write_complete
from pose_edge.util.paths import is_dir, resolved, unambiguous
from pose_edge.util.text import counted

log = logging.getLogger(__name__)

FILE_SUFFIXES: Final = WRITTEN_SUFFIXES | {".mp4", ".mkv", ".mov", ".avi", ".webm", ".gif"}
"""Suffixes that mark an output name as a file; any other name is a folder."""

FAULTS_OF_ONE: Final = frozenset(
    (
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EFBIG),
        *(errno.EEXIST, errno.EISDIR, errno.EPERM, errno.ETXTBSY),
    )
)
"""Values of errno that concern one picture only: its name, its size, or what already exists at its
path. Any other error, such as a full disk, would affect all pictures."""


class PictureOutputError(OutputError):
    """One picture cannot be written; others may still be."""


@dataclass(frozen=True, slots=True)
class DrawnCopy:
    """The drawn copy of one input.

    Attributes:
        source: The picture, folder of pictures or video, or the name of a bundled clip.
        still: Whether the input is a picture or a folder of pictures.
        path: The file to write, or the folder for the pictures.
    """

    source: Path
    still: bool
    path: Path

    @property
    def folder(self) -> bool:
        """Whether the input is a folder of pictures."""
        return self.still and is_dir(self.source)

    def targets(self) -> list[Target]:
        """Return the file to write, or the folder and the pictures to write in it."""
        pictures = [name_in_folder(path.name) for path in entries(self.source)]
        return [
            Target("-o", self.path, folder=self.folder),
            *(Target("-o", self.path / name) for name in pictures if self.folder),
        ]


def choose_copies(sources: Sequence[tuple[Path, bool]], given: Path | None) -> list[DrawnCopy]:
    """Choose the path of each drawn copy.

    Args:
        sources: Path of each input, and whether it is still; see `DrawnCopy`.
        given: The output that the user named: a file or folder for one input, a folder for several.
            None to derive the names from those of the inputs, in the current folder.

    Raises:
        UsageError: A name cannot be used, or two copies would have the same path.
    """
    if given is not None and not is_dir(given) and given.suffix.lower() in FILE_SUFFIXES:
        if len(sources) > 1:
            raise UsageError(f"-o {given}: several inputs need a folder", remedy="e.g. -o drawn")
        if sources[0][1] and is_dir(sources[0][0]):
            raise UsageError(
                f"-o {given}: the pictures of a folder are written into a folder, not into a file",
                remedy=f"e.g. -o {given.stem}",
            )
    copies = [_choose(source, still, given, alone=len(sources) == 1) for source, still in sources]
    known: dict[Path, Path] = {}
    for copy in copies:
        if copy.path in known:
            if known[copy.path] == copy.source:
                raise UsageError(f"{copy.source} is given twice")
            both = f"{known[copy.path]} and {copy.source}"
            raise UsageError(
                f"{both} would both be written to {copy.path}", remedy="annotate them one by one"
            )
        known[copy.path] = copy.source
    return copies


def _choose(source: Path, still: bool, given: Path | None, *, alone: bool) -> DrawnCopy:
    folder = still and is_dir(source)
    if folder:
        usual = f"{resolved(source).name}-poses"
    else:
        usual = name_alone(source.name) if still else f"{source.stem}-poses{RECORDING_SUFFIX}"
    if given is None:
        return DrawnCopy(source, still, NamePattern(usual).current())
    if not alone:
        return DrawnCopy(source, still, given / usual)
    if folder:
        return DrawnCopy(source, still, given)
    path = given / usual if is_dir(given) else given
    allowed = WRITTEN_SUFFIXES if still else {RECORDING_SUFFIX}
    if path.suffix.lower() not in allowed:
        kinds = " ".join(sorted(allowed))
        raise UsageError(f"-o {path}: the name must end in one of {kinds}")
    return DrawnCopy(source, still, path)


class DrawnOutput:
    """Writes the drawn copy of one input."""

    def __init__(self, copy: DrawnCopy, record: RecordSettings, *, replace: bool) -> None:
        """Create the output without opening it.

        Args:
            copy: What to write, and where.
            record: Video quality.
            replace: Whether existing files may be replaced.
        """
        self._copy = copy
        self._record = record
        self._replace = replace
        self._recorder: Recorder | None = None
        self._unwritten: list[str] = []
        self._sent = self._written = 0

    @property
    def paths(self) -> tuple[Path, ...]:
        """The video files written so far, or the picture or folder of pictures if there is any."""
        if self._recorder is not None:
            return tuple(self._recorder.paths)
        return (self._copy.path,) if self._written else ()

    @property
    def failed(self) -> str | None:
        """Why the video cannot be written any more, or None; final after `close`."""
        return self._recorder.failed if self._recorder is not None else None

    @property
    def missing(self) -> tuple[str, ...]:
        """A message on the pictures of a folder that could not be written; empty if none."""
        if not self._unwritten:
            return ()
        count = f"{len(self._unwritten)} of {counted(self._sent, 'picture')}"
        return (f"{count} could not be written ({shortened(self._unwritten)})",)

    def open(self, frame_rate: float | None, sound_of: str | None) -> None:
        """Open the video, or create the folder for the pictures.

        Args:
            frame_rate: Frames per second; None if unknown.
            sound_of: Path of the video whose sound is copied; None for no sound.

        Raises:
            OutputError: The video or the folder cannot be created.
        """
        if self._copy.folder:
            make_folder(self._copy.path)
        elif not self._copy.still:
            video = recorder(
                self._record.model_copy(update={"path": unambiguous(self._copy.path)}),
                None,
                frame_rate=frame_rate,
                report=_ignore,
                replace=self._replace,
                sound_of=sound_of,
            )
            video.open()
            self._recorder = video

    def write(self, canvas: Image, result: Result) -> None:
        """Write the drawn picture of a result.

        A single picture of a folder that cannot be written is added to `missing`. A video does not
        raise: it sets `failed`.

        Raises:
            OutputError: The only picture, or any further picture, cannot be written.
        """
        frame = result.frame
        if self._recorder is not None:
            self._recorder.send(canvas, frame.order, frame.time)
            return
        path = self._copy.path
        if self._copy.folder:
            path /= name_in_folder(frame.file or "")
        self._sent += 1
        try:
            write_picture(path, canvas, frame.order, replace=self._replace)
        except PictureOutputError as error:
            if not self._copy.folder:
                raise
            log.error("%s", error)
            self._unwritten.append(path.name)
        else:
            self._written += 1

    def close(self) -> None:
        """Finish the video."""
        if self._recorder is not None:
            self._recorder.close()


def make_folder(path: Path) -> None:
    """Create a folder if it does not exist.

    Raises:
        OutputError: The folder cannot be created.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {path}: {error.strerror}") from error


def write_picture(path: Path, image: Image, order: ColourOrder, *, replace: bool = False) -> None:
    """Write a picture atomically: completely or not at all.

    Args:
        path: The file; its suffix determines the format.
        image: uint8 (height, width, 3).
        order: Order of the colour channels.
        replace: Whether an existing file may be replaced.

    Raises:
        PictureOutputError: This file cannot be written, but others may be.
        OutputError: No file can be written, e.g. because the disk is full.
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
    """Report nothing: a failed video ends the run anyway, see `DrawnOutput.failed`."""
