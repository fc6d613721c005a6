"""Getting a file from the network: resumable, checked, and there only when it is whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.errors import UnavailableError
from pose_edge.supervision.backoff import Backoff

CHUNK: Final = 1 << 16
TIMEOUT_S: Final = 20.0
ATTEMPTS: Final = 4

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and, where known, the bytes of the whole file."""


class DownloadError(UnavailableError):
    """A file cannot be had, or what came is not it."""


@dataclass(frozen=True, slots=True)
class Expected:
    r"""What is known of a file before it comes.

    Attributes:
        size: Bytes, or None where nobody has published it.
        sha256: Hexadecimal, or None.
        git_blob: Its id in a Git repository, hexadecimal, or None: the SHA-1 of
            ``blob SIZE\\0`` and the content.
        mark: Bytes that stand at an offset.
        mark_offset: That offset.
    """

    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    mark: bytes = b""
    mark_offset: int = 0

    def fault(self, content: bytes) -> str | None:
        """Say what is wrong with a content, or None when it is the expected one."""
        if not content:
            return "0 bytes"
        if self.size is not None and len(content) != self.size:
            return f"{len(content)} bytes instead of {self.size}"
        if content[self.mark_offset :][: len(self.mark)] != self.mark:
            return f"it has no {self.mark.decode('ascii', 'replace')} mark, so it is something else"
        if self.sha256 is not None and hashlib.sha256(content).hexdigest() != self.sha256:
            return "its SHA-256 is not the published one"
        if self.git_blob is not None and git_blob_id(content) != self.git_blob:
            return "its Git blob id is not the published one"
        return None


def git_blob_id(content: bytes) -> str:
    """Return the id that Git gives to a content, hexadecimal."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def download(
    url: str,
    target: Path,
    expected: Expected,
    *,
    progress: Progress,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Get a file, going on where an earlier attempt ended.

    What came so far lies beside the target, in a file that ends in ``.part``. Proxies are taken
    from the environment (``https_proxy`` and so on).

    Args:
        url: Where it is.
        target: Where it goes; replaced at once, by the whole file, or left as it is. If the
            expected file is there already, nothing is asked of the network.
        expected: What it must be.
        progress: Told how far it is.
        wait: Sleeps for seconds between attempts.

    Raises:
        DownloadError: After some attempts, with the reason of the last one.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        known = expected.sha256 or expected.git_blob
        if known and target.is_file() and expected.fault(target.read_bytes()) is None:
            return
        _fetch(url, part, expected, progress, wait)
        content = part.read_bytes()
        fault = expected.fault(content)
        if fault is not None:
            part.unlink()  # going on from wrong bytes would never end well
            raise DownloadError(f"{url}: {fault}; nothing was kept")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}") from error


def _fetch(
    url: str, part: Path, expected: Expected, progress: Progress, wait: Callable[[float], None]
) -> None:
    """Fill the part file, trying again when the network fails on the way."""
    backoff = Backoff(1.0, 8.0)
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(backoff.next())
        try:
            _fetch_rest(url, part, expected, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:  # asking again will not help
                raise DownloadError(
                    f"{url}: the server says {error.code} {error.reason}"
                ) from error
            reason = f"the server says {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        except ConnectionError as error:
            reason = str(error)
        else:
            return
    raise DownloadError(
        f"{url} cannot be had: {reason}; is the network there? (proxy: https_proxy)"
    )


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Get what has come, as soon as anything has.

    Raises:
        ConnectionError: For whatever the network does: other OSErrors are those of the disk.
    """
    try:
        return answer.read1(CHUNK)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:  # no route any more, broken TLS
        raise ConnectionError(error.strerror or str(error)) from error


def _fetch_rest(url: str, part: Path, expected: Expected, progress: Progress) -> None:
    """Get what is missing of the part file.

    Raises:
        http.client.IncompleteRead: The connection ended before the file did.
    """
    have = part.stat().st_size if part.exists() else 0
    if expected.size is not None and have >= expected.size:
        if have == expected.size:
            return
        have = 0  # longer than it may be: begin again
    headers = {"User-Agent": "pose-edge", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own list's addresses
    try:
        # An opener of our own reads the proxies of now; the library's keeps those of its first use.
        answer = urllib.request.build_opener().open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            error.close()
            part.unlink()
            raise http.client.IncompleteRead(b"") from error
        raise
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server begins at the start, whatever it was asked
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else expected.size
        limit = expected.size if expected.size is not None else total
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            while chunk := _read(answer):
                file.write(chunk)
                have += len(chunk)
                progress(have, limit)
                if limit is not None and have > limit:
                    return  # too much: the check will say so
    if limit is not None and have < limit and total is not None and have < total:
        raise http.client.IncompleteRead(b"", limit - have)
