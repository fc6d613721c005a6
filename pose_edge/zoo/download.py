"""Download a model, and put it into its place only when it is the published file."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pose_edge.errors import UnavailableError
from pose_edge.supervision.backoff import Backoff
from pose_edge.util.atomic import write_atomically
from pose_edge.util.paths import is_file
from pose_edge.zoo.catalogue import Download

CHUNK: Final = 1 << 16
MAX_BYTES: Final = 64 << 20
"""More than any listed model has; it bounds the memory where no size is published."""
TIMEOUT_S: Final = 20.0
ATTEMPTS: Final = 4

Progress = Callable[[int, int | None], None]
"""Called with the bytes received and, where known, the size of the file."""


class DownloadError(UnavailableError):
    """A file cannot be downloaded, or is not the published one."""


def download(
    model: Download,
    target: Path,
    *,
    progress: Progress,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Download a model, with some attempts where the network fails.

    Proxies are taken from the environment (``https_proxy`` and so on).

    Args:
        model: The model.
        target: The file to write, replaced atomically or left as it is. If it is the published file
            already, nothing is downloaded.
        progress: Called as the file arrives; every attempt starts at 0.
        wait: Sleeps for seconds between attempts.

    Raises:
        DownloadError: After the last attempt, with its reason.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        known = model.sha256 or model.git_blob
        if known and is_file(target) and model.fault(target.read_bytes()) is None:
            return
        content = _fetch(model, progress, wait)
        if fault := model.fault(content):
            raise DownloadError(f"{model.url}: {fault}; nothing was kept")
        write_atomically(target, content)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}") from error


def _fetch(model: Download, progress: Progress, wait: Callable[[float], None]) -> bytes:
    """Return the content of the file; try again when the network fails."""
    backoff = Backoff(1.0, 8.0)
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(backoff.next())
        try:
            return _fetch_once(model, progress)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server says {error.code} {error.reason}"
            if error.code < 500:  # another attempt would not help
                raise DownloadError(f"{model.url}: {reason}") from error
        except urllib.error.URLError as error:
            reason = str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
    raise DownloadError(
        f"{model.url} cannot be downloaded: {reason}",
        remedy="is the network up? (proxy: https_proxy)",
    )


def _fetch_once(model: Download, progress: Progress) -> bytes:
    """Return the content of the file, or raise what the network raises."""
    headers = {"User-Agent": "pose-edge", "Accept-Encoding": "identity"}
    request = urllib.request.Request(model.url, headers=headers)  # noqa: S310 - a listed address
    limit = model.size or MAX_BYTES
    content = bytearray()
    # A new opener reads the current proxies; that of urlopen() keeps those of its first use.
    with urllib.request.build_opener().open(request, timeout=TIMEOUT_S) as answer:
        length = answer.headers.get("Content-Length")
        declared = int(length) if length and length.isdigit() else model.size
        while chunk := answer.read1(CHUNK):
            content += chunk
            progress(len(content), model.size or declared)
            if len(content) > limit:
                raise DownloadError(f"{model.url}: more than {limit} bytes; nothing was kept")
    if declared is not None and len(content) < declared:
        raise http.client.IncompleteRead(b"", declared - len(content))
    return bytes(content)
