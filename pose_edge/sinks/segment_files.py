"""The files that one output writes one after the other, and the bounds that it keeps to."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from pose_edge.config.schema import StorageSettings
from pose_edge.errors import OutputError
from pose_edge.sinks.naming import MAX_NUMBER, NamePattern
from pose_edge.sinks.space import GIGABYTE, Space, space_of
from pose_edge.sinks.target import obstacle
from pose_edge.util.atomic import sync_folder
from pose_edge.util.mounts import mount_point

log = logging.getLogger(__name__)

MODE: Final = 0o666
"""Of new files, less what the umask takes."""
HEADROOM: Final = 16_000_000
"""Bytes beyond the limit that must be free before a file is begun: not one that ends at once."""
HEADROOM_SHARE: Final = 0.05
"""Of a small disk, this share of it is enough."""
KEPT_SHARE: Final = 0.25
"""Of what is kept, one file takes no more: the oldest can only be removed when it is finished."""


UNBOUNDED: Final = StorageSettings(min_free=0.0)
"""For files that are begun while a program runs, where none is overwritten either."""


class OpenedFile(NamedTuple):
    """A file that was just opened.

    Attributes:
        path: Its name.
        descriptor: For reading and writing, or only for writing where it is no plain file; the
            taker closes it.
        ours: It was made, and may be removed if nothing gets into it.
        plain: It lies on a disk; else it is a FIFO or a device.
    """

    path: Path
    descriptor: int
    ours: bool
    plain: bool


class _Kept(NamedTuple):
    modified_ns: int
    number: int
    path: Path
    size: int


class SegmentFiles:
    """Begins files of one pattern, and keeps what they take within bounds.

    With a live source nothing that is there is ever overwritten: the new file gets a number higher
    than those that there are, and is made so that no other program can make it at the same time.
    While it is written it is locked (flock), so that another run does not take it for a finished
    one.
    """

    def __init__(
        self,
        name: str,
        path: str,
        storage: StorageSettings | None,
        *,
        space: Callable[[Path], Space] = space_of,
        local_time: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        """Name the files.

        Args:
            name: Of the output, for the log.
            path: See `NamePattern`.
            storage: The bounds, of a live source; None where the one file is overwritten.
            space: Tells how much is free.
            local_time: What is put into names.
        """
        self._name = name
        self._path = path
        self._pattern = NamePattern(path)
        self._storage = storage
        self._space = space
        self._local_time = local_time
        self._current: Path | None = None

    @property
    def live(self) -> bool:
        """Whether the bounds apply; else one file is overwritten."""
        return self._storage is not None

    def check(self, what: str) -> None:
        """Make sure that a file can be begun, room aside.

        Args:
            what: What is to be written, for the message.

        Raises:
            OutputError: It cannot.
        """
        reason = self._hindrance()
        if reason is not None:
            raise OutputError(f"cannot write {what} to {self._path}: {reason}")

    def begin(self) -> OpenedFile:
        """Make the next file, and remove old ones.

        Raises:
            OSError: It cannot be made.
        """
        moment = self._local_time()
        plain = self._pattern.path(moment)
        if plain.exists() and not plain.is_file() and not plain.is_dir():
            return self._open(plain, os.O_WRONLY, ours=False)
        if not self.live:
            return self._open(plain, os.O_RDWR | os.O_CREAT | os.O_TRUNC, ours=False)
        while (number := self._next_number(moment)) <= MAX_NUMBER:
            path = self._pattern.path(moment, number)
            try:
                begun = self._open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, ours=True)
            except FileExistsError:  # another program was quicker
                continue
            with suppress(BlockingIOError):  # by who looks whether it is finished, just now
                _lock(begun.descriptor)
            self._current = path
            sync_folder(self._pattern.folder)
            return begun
        raise OutputError(f"there are {MAX_NUMBER} files of the name {self._path}")

    def due(self, age_s: float, size: int) -> bool:
        """Say whether a file is to be ended and the next one begun.

        Args:
            age_s: For how long it has been written.
            size: Its bytes.
        """
        storage = self._storage
        if storage is None:
            return False
        if storage.segment is not None and age_s >= storage.segment * 60:
            return True
        return storage.keep is not None and size >= storage.keep * GIGABYTE * KEPT_SHARE

    def obstacle(self, *, writing: bool) -> str | None:
        """Say why nothing can be written now.

        Args:
            writing: Whether a file is being written; to begin one takes a little more room.

        Returns:
            The reason, or None.
        """
        if self._storage is None:
            return None
        try:
            reason = self._hindrance()
            if reason is not None:
                return reason
            free, total = self._space(self._pattern.folder)
        except OSError as error:
            return error.strerror or str(error)
        limit = self._storage.min_free * GIGABYTE
        more = 0.0 if writing else min(HEADROOM, total * HEADROOM_SHARE)
        if free >= limit + more:
            return None
        amount = f"{self._storage.min_free:g} GB" if limit else f"{more / 1e6:.2g} MB"
        place = mount_point(self._pattern.folder)
        return f"less than {amount} free on {place}; going on when there is room"

    def thin(self) -> None:
        """Remove the oldest finished files of this pattern until the rest is within its bound.

        Raises:
            OSError: The folder cannot be read.
        """
        if self._storage is None or self._storage.keep is None:
            return
        files = sorted(self._files())
        excess = sum(file.size for file in files) - self._storage.keep * GIGABYTE
        for file in files:
            if excess <= 0:
                return
            if file.path != self._current and _remove_finished(file.path):
                excess -= file.size
                log.info("%s: removed %s, the oldest, to stay within", self._name, file.path)

    def _hindrance(self) -> str | None:
        target = self._pattern.path(self._local_time())
        return obstacle(target, overwrite=not self.live)

    def _next_number(self, moment: time.struct_time) -> int:
        """Return a number above all there are, so that names rise with time."""
        there = self._pattern.folder.iterdir()
        numbers = (self._pattern.number(path.name, moment) or 0 for path in there)
        return max(numbers, default=0) + 1

    def _open(self, path: Path, flags: int, *, ours: bool) -> OpenedFile:
        descriptor = os.open(path, flags | os.O_CLOEXEC, MODE)
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return OpenedFile(path, descriptor, ours, plain)

    def _files(self) -> Iterator[_Kept]:
        """Yield the files that the pattern may have made, those being written too."""
        with os.scandir(self._pattern.folder) as entries:
            for entry in entries:
                number = self._pattern.number(entry.name)
                if number is None or not entry.is_file(follow_symlinks=False):
                    continue
                with suppress(FileNotFoundError):  # gone meanwhile
                    status = entry.stat(follow_symlinks=False)
                    yield _Kept(status.st_mtime_ns, number, Path(entry.path), status.st_size)


def _remove_finished(path: Path) -> bool:
    """Remove a file unless somebody still writes it; say whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError as error:
        log.debug("%s cannot be removed: %s", path, error)
        return False
    try:
        _lock(descriptor)
        path.unlink(missing_ok=True)
    except OSError as error:
        log.debug("%s is not removed: %s", path, error)
        return False
    finally:
        os.close(descriptor)
    return True


def _lock(descriptor: int) -> None:
    """Lock a file, where the file system knows locks.

    Raises:
        BlockingIOError: Somebody writes it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        log.debug("no locks here: %s", error)
