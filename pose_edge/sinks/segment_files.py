"""Create the files that a sink writes one after the other, and limit the space they take."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pose_edge.config.outputs import StorageSettings
from pose_edge.errors import OutputError
from pose_edge.sinks.name_pattern import MAX_NUMBER, NamePattern, is_standard_output
from pose_edge.sinks.segment_file import SegmentFile
from pose_edge.util.atomic import sync_folder
from pose_edge.util.paths import exists, is_dir, is_file, mount_point

log = logging.getLogger(__name__)

MODE: Final = 0o666
"""Permission bits of new files, before the umask is applied."""
GIGABYTE: Final = 1_000_000_000
RESERVE_SHARE: Final = 0.1
"""Largest share of a file system that is kept free: an upper limit of `storage.min_free`."""
HEADROOM: Final = 16_000_000
"""Bytes that must be free beyond the reserve before a file is created; otherwise it would have to
end at once."""
HEADROOM_SHARE: Final = 0.05
"""Largest share of a file system that is required as headroom: an upper limit of `HEADROOM`."""
KEPT_SHARE: Final = 0.25
"""Largest share of `storage.keep` for one file, because only finished files can be removed."""


class SegmentFiles:
    """Creates files of one name pattern, and keeps their total size within bounds.

    For live sources no file is ever overwritten: a new file gets a number above all existing ones.
    For other sources the first file has the plain name, and later ones get numbers.

    A file is created exclusively (O_EXCL), unless it may replace another one. While it is written
    it is locked (flock): another run neither removes it as a finished file nor writes to it.
    """

    def __init__(
        self,
        name: str,
        path: str,
        storage: StorageSettings | None,
        *,
        replace: bool = False,
        space: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
        local_time: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        """Prepare to create files; nothing is created yet.

        Args:
            name: Name of the sink, for the log.
            path: Pattern of the paths, see `NamePattern`, or "-" for the standard output.
            storage: The storage limits for a live source; None for other sources.
            replace: Whether the first file of a source that is not live may replace another one.
            space: Returns the total, used and free bytes of a folder's file system.
            local_time: Returns the local time, which becomes part of the names.
        """
        self._name = name
        self._path = path
        self._pattern = NamePattern(path)
        self._storage = None if is_standard_output(path) else storage
        self._replace = replace
        self._space = space
        self._local_time = local_time
        self._current: Path | None = None

    @property
    def live(self) -> bool:
        """Whether the storage limits apply and existing files are never overwritten."""
        return self._storage is not None

    def check(self) -> None:
        """Check that a file can be created; the free space is not checked.

        Raises:
            OutputError: No file can be created.
        """
        if is_standard_output(self._path):
            return
        target = self._pattern.current()
        reason = write_error(target, numbered=self.live)
        if reason is None and is_file(target) and not (self.live or self._replace):
            reason = "it exists already"
        if reason is not None:
            raise OutputError(f"cannot write the {self._name} to {self._path}: {reason}")

    def begin(self) -> SegmentFile:
        """Create the next file.

        Raises:
            OSError: The file cannot be created.
            OutputError: There are too many files of this name, or another program has created the
                file or is writing it.
        """
        if is_standard_output(self._path):
            sys.stdout.flush()
            raw = io.FileIO(os.dup(sys.stdout.fileno()), "w")
            return SegmentFile(raw, Path(self._path), regular=False, live=False)
        moment = self._local_time()
        plain = self._pattern.path(moment)
        if exists(plain) and not is_file(plain) and not is_dir(plain):
            return self._open(plain, os.O_WRONLY)
        if not self.live and self._current is None:
            return self._begin_first(plain)
        while (number := self._next_number(moment)) <= MAX_NUMBER:
            path = self._pattern.path(moment, number)
            try:
                file = self._open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            except FileExistsError:  # another program was quicker
                continue
            self._current = path
            sync_folder(self._pattern.folder)
            return file
        raise OutputError(f"there are {MAX_NUMBER} files of the name {self._path}")

    def _begin_first(self, path: Path) -> SegmentFile:
        """Create the file with the plain name, or replace the existing one."""
        try:
            file = self._open(path, os.O_RDWR | os.O_CREAT | (0 if self._replace else os.O_EXCL))
        except FileExistsError as error:
            raise OutputError(f"{path} was created by another program in the meantime") from error
        except BlockingIOError as error:
            raise OutputError(f"another program is writing {path}") from error
        file.clear()
        self._current = path
        return file

    def due(self, age_s: float, size: int) -> bool:
        """Return whether the next file is due after one of this age (seconds) and size (bytes)."""
        storage = self._storage
        if storage is None:
            return False
        if storage.segment is not None and age_s >= storage.segment * 60:
            return True
        return storage.keep is not None and size >= storage.keep * GIGABYTE * KEPT_SHARE

    def obstacle(self, *, writing: bool) -> str | None:
        """Return why nothing can be written now, or None.

        Args:
            writing: Whether a file is open; without one, `HEADROOM` must be free as well.
        """
        if self._storage is None:
            return None
        try:
            reason = write_error(self._pattern.path(self._local_time()), numbered=True)
            if reason is not None:
                return reason
            total, _used, free = self._space(self._pattern.folder)
        except OSError as error:
            return error.strerror or str(error)
        reserve = min(self._storage.min_free * GIGABYTE, total * RESERVE_SHARE)
        headroom = 0.0 if writing else min(HEADROOM, total * HEADROOM_SHARE)
        if free >= reserve + headroom:
            return None
        place = mount_point(self._pattern.folder)
        amount = _amount(reserve or headroom)
        return f"less than {amount} free on {place}; it goes on when there is room"

    def remove_oldest(self) -> None:
        """Remove the oldest finished files of this pattern until the rest is within `storage.keep`.

        Raises:
            OSError: The folder cannot be read.
        """
        if self._storage is None or self._storage.keep is None:
            return
        files = sorted(self._files())
        excess = sum(size for *_, size in files) - self._storage.keep * GIGABYTE
        for _modified_ns, _number, path, size in files:
            if excess <= 0:
                return
            if path != self._current and _remove_finished(path):
                excess -= size
                log.info("%s: removed the oldest file, %s, to stay within", self._name, path)

    def _next_number(self, moment: time.struct_time) -> int:
        """Return a number above all existing ones, so that numbers rise with time."""
        existing = self._pattern.folder.iterdir()
        numbers = (self._pattern.number(path.name, moment) or 0 for path in existing)
        return max(numbers, default=0) + 1

    def _open(self, path: Path, flags: int) -> SegmentFile:
        file = self._file(os.open(path, flags | os.O_CLOEXEC, MODE), path)
        if file.regular:
            try:
                lock(file.fileno())
            except BlockingIOError:
                if not flags & os.O_EXCL:  # else another run is testing the lock of the new file
                    file.close()
                    raise
        return file

    def _file(self, descriptor: int, path: Path) -> SegmentFile:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        raw = io.FileIO(descriptor, "r+" if regular else "w")
        return SegmentFile(raw, path, regular=regular, live=self.live)

    def _files(self) -> Iterator[tuple[int, int, Path, int]]:
        """Yield modification time (ns), number, path and size (bytes) of all matching files."""
        with os.scandir(self._pattern.folder) as entries:
            for entry in entries:
                number = self._pattern.number(entry.name)
                if number is None or not entry.is_file(follow_symlinks=False):
                    continue
                with suppress(FileNotFoundError):  # removed since the scan
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_mtime_ns, number, Path(entry.path), status.st_size


def write_error(target: Path, *, numbered: bool) -> str | None:
    """Return why a file cannot be written, or None if it can.

    Args:
        target: The file.
        numbered: Whether an existing file is kept, and a new one is created beside it; otherwise
            the existing file must be writable.
    """
    folder = target.parent
    if is_dir(target):
        return "it is a folder"
    if not is_dir(folder):
        return f"there is no folder {folder}"
    in_place = exists(target) and not (numbered and is_file(target))
    if not os.access(target if in_place else folder, os.W_OK):
        return "permission denied"
    return None


def _amount(size: float) -> str:
    """Return a number of bytes as text, e.g. "0.5 GB" or "16 MB"."""
    if size >= GIGABYTE / 10:
        return f"{size / GIGABYTE:.3g} GB"
    return f"{size / 1e6:.2g} MB"


def _remove_finished(path: Path) -> bool:
    """Remove a file unless a program is still writing it; return whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError as error:
        log.debug("%s cannot be removed: %s", path, error)
        return False
    try:
        lock(descriptor)
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("%s is not removed: %s", path, error)
        return False
    finally:
        os.close(descriptor)
    return True


def lock(descriptor: int) -> None:
    """Lock a file exclusively (flock), where the file system supports locks.

    Raises:
        BlockingIOError: Another program has locked the file.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        log.debug("the file system has no locks: %s", error)
