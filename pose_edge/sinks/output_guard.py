"""Refuse outputs that would destroy something, before anything is opened."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.errors import OutputError, UsageError
from pose_edge.sinks.name_pattern import RECORDING_SUFFIX, NamePattern, is_standard_output
from pose_edge.sinks.segment_files import lock, write_error
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.util.paths import is_dir, resolved, user_path

OTHER_NAME: Final = "choose another name"

Identity = tuple[int | str, ...]
"""Device and inode of a file. If it does not exist yet: those of its folder, and its name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is going to be written.

    Attributes:
        option: The option that names the file, e.g. "--poses"; for messages.
        path: The file.
        numbered: Whether an existing file is kept, and another name is chosen.
        folder: Whether the path is a folder into which files are written.
    """

    option: str
    path: Path
    numbered: bool = False
    folder: bool = False

    def __str__(self) -> str:
        """Return option and path, as on the command line."""
        return f"{self.option} {self.path}"


def check_outputs(
    settings: Settings,
    config: Path | None,
    *,
    numbered: bool,
    replace: bool,
    drawn: Sequence[Target] = (),
) -> None:
    """Check that the outputs can be written, and destroy nothing that is needed.

    Args:
        settings: Settings with the source, the models, the recording and the files of poses.
        config: The configuration file, or None.
        numbered: Whether the recording and the files of poses get another name where one exists.
        replace: Whether results of earlier runs may be replaced.
        drawn: Further outputs.

    Raises:
        UsageError: One of the outputs would destroy something, or its name cannot be used.
        OutputError: One of them cannot be written, e.g. because there is no such folder.
        SourceError: No source has the name in the settings.
    """
    record = settings.record.path
    if record is not None and Path(record).suffix.lower() != RECORDING_SUFFIX:
        raise UsageError(f"--record {record}: the name must end in {RECORDING_SUFFIX}")
    targets = [*drawn, *run_targets(settings, numbered=numbered)]
    check_targets(targets, files_read(settings, config), replace=replace)
    check_places(targets)


def run_targets(settings: Settings, *, numbered: bool) -> list[Target]:
    """Return the recording and the files of poses of a run, without the standard output.

    Raises:
        UsageError: More than one output goes to the standard output.
    """
    named = (
        ("--record", settings.record.path),
        ("--poses", settings.poses.path),
        ("--csv", settings.csv.path),
    )
    streamed = [option for option, path in named if path is not None and is_standard_output(path)]
    if len(streamed) > 1:
        both = " and ".join(streamed)
        raise UsageError(f"{both} both go to the standard output", remedy=OTHER_NAME)
    return [
        Target(option, NamePattern(path).current(), numbered)
        for option, path in named
        if path is not None and not is_standard_output(path)
    ]


def files_read(settings: Settings, config: Path | None) -> list[Path]:
    """Return the files that a command reads: source, recorded poses, models and configuration.

    Raises:
        SourceError: No source has the name in the settings.
    """
    spec = parse_source(settings.source.name)
    named = (settings.model.name, settings.edgetpu.model, settings.source.poses)
    paths = [user_path(name) for name in named if name]
    if spec.kind in (SourceKind.VIDEO, SourceKind.PICTURES, SourceKind.CAMERA):
        source = Path(spec.location)
        paths += [source, *entries(source)]
    return [*paths, *([config] if config else [])]


def entries(folder: Path) -> list[Path]:
    """Return the paths in a folder; empty for a file or a folder that cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def check_targets(targets: Sequence[Target], inputs: Iterable[Path], *, replace: bool) -> None:
    """Check that no output destroys an input, another output or an earlier result.

    Files are compared by device and inode, so that a link counts as the file that it leads to.

    Args:
        targets: The files to be written.
        inputs: Files and folders that are read.
        replace: Whether earlier results may be replaced.

    Raises:
        UsageError: One of the outputs would destroy something.
    """
    read = {identity: path for path in inputs if (identity := _existing(path)) is not None}
    streams = _open_streams()
    for identity, stream in streams.items():
        if identity in read:
            raise UsageError(f"{stream} goes to the input {read[identity]}", remedy=OTHER_NAME)
    nowhere = _existing(Path(os.devnull))
    for target in targets:
        present, kind = _existing(target.path), _kind(target.path)
        if present is None or present == nowhere or (target.numbered and stat.S_ISREG(kind)):
            continue
        if present in read:
            raise UsageError(f"{target} is the input {read[present]}", remedy=OTHER_NAME)
        if present in streams:
            raise UsageError(f"{target} is where {streams[present]} goes", remedy=OTHER_NAME)
        if stat.S_ISDIR(kind) and not target.folder:
            raise UsageError(f"{target} is a folder", remedy="name a file in it")
        if stat.S_ISBLK(kind):
            raise UsageError(f"{target} is a disk", remedy="choose a file on it")
    known: dict[Identity, Target] = {}
    for target in targets:
        identity = _identity(target.path)
        other = known.setdefault(identity, target)
        if other is not target and identity != nowhere:
            raise UsageError(f"{other} and {target} are the same file", remedy=OTHER_NAME)
    _check_earlier([target for target in targets if not target.numbered], replace=replace)


def check_places(targets: Sequence[Target]) -> None:
    """Check that each output can be created in its folder.

    Raises:
        OutputError: One of the outputs cannot be written.
    """
    made = {target.path for target in targets if target.folder}
    for target in targets:
        if target.path.parent in made or (target.folder and is_dir(target.path)):
            continue
        if reason := write_error(target.path, numbered=target.numbered):
            raise OutputError(f"cannot write {target}: {reason}")


def _check_earlier(targets: Sequence[Target], *, replace: bool) -> None:
    """Check that earlier results are replaced only if `replace`, and never while being written."""
    present = [one for one in targets if os.path.lexists(one.path) and _replaceable(one.path)]
    if present and not replace:
        more = f" (and {len(present) - 1} more)" if len(present) > 1 else ""
        raise UsageError(
            f"{present[0]} exists already{more}", remedy=f"{OTHER_NAME}, or replace it with --force"
        )
    for target in present:
        if is_being_written(target.path):
            raise UsageError(f"another program is writing {target.path}", remedy=OTHER_NAME)


def _replaceable(path: Path) -> bool:
    """Return whether writing would replace a file; folders, FIFOs and devices are not replaced."""
    kind = _kind(path)
    return kind == 0 or stat.S_ISREG(kind)


def is_being_written(path: Path) -> bool:
    """Return whether a program is writing a file, and so holds its lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # not readable, or a broken link: opening it for writing tells more
        return False
    try:
        lock(descriptor)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _status(path: Path) -> os.stat_result | None:
    """Return the status of the file that a path leads to; None if this user cannot find one."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _kind(path: Path) -> int:
    """Return the mode bits of the file that a path leads to, 0 if there is none."""
    status = _status(path)
    return status.st_mode if status else 0


def _existing(path: Path) -> Identity | None:
    status = _status(path)
    return (status.st_dev, status.st_ino) if status else None


def _identity(path: Path) -> Identity:
    if (existing := _existing(path)) is not None:
        return existing
    folder, name = os.path.split(resolved(path))
    return (*(_existing(Path(folder)) or (folder,)), name)


def _open_streams() -> dict[Identity, str]:
    """Return the files to which the standard output and the log are redirected, if any."""
    found: dict[Identity, str] = {}
    for stream, name in ((sys.stdout, "the standard output"), (sys.stderr, "the log")):
        try:
            status = os.fstat(stream.fileno())
        except (OSError, ValueError, AttributeError):  # closed, or not a file
            continue
        if stat.S_ISREG(status.st_mode):
            found[status.st_dev, status.st_ino] = name
    return found
