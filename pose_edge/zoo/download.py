"""Download models, and install a file only if it is the published one."""

from __future__ import annotations

import concurrent.futures
import http.client
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Final

from pose_edge.errors import UnavailableError
from pose_edge.supervision.backoff import Backoff
from pose_edge.util.atomic import write_atomically
from pose_edge.util.paths import is_file
from pose_edge.util.text import one_line
from pose_edge.util.urls import redact
from pose_edge.zoo.catalogue import Download

CHUNK: Final = 1 << 16
MAX_BYTES: Final = 64 << 20
"""Maximum size of a file without a published size, bytes; larger than any listed model. It limits
the memory used."""
TIMEOUT_S: Final = 20.0
"""Timeout for a server that sends nothing, seconds."""
TOTAL_S: Final = 900.0
"""Timeout for all attempts together, seconds; without it, a server that sends a byte now and then
could keep a download running forever."""
ATTEMPTS: Final = 4
DIGITS: Final = re.compile("[0-9]{1,15}")
"""Pattern of a valid Content-Length."""

Progress = Callable[[int, int | None], None]
"""Called with the number of bytes received and the size of the file, or None if it is unknown."""


class DownloadError(UnavailableError):
    """A file cannot be downloaded, or is not the published one."""


class TotalTimeError(Exception):
    """A download has taken longer than `TOTAL_S`."""


def download(
    model: Download,
    target: Path,
    *,
    progress: Progress,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Download a model, with several attempts if the network fails.

    Proxies are taken from the environment (``https_proxy`` and so on).

    Args:
        model: The model.
        target: The file to write. It is replaced atomically, and unchanged after an error. If it is
            the published file already, nothing is downloaded.
        progress: Called while the file arrives; every attempt starts at 0.
        wait: Sleeps for a number of seconds between attempts.

    Raises:
        DownloadError: The last attempt failed, the file is not the published one, or it cannot be
            written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if model.verifiable and is_file(target) and model.fault(target.read_bytes()) is None:
            return
        content = _fetch(model, progress, wait)
        if fault := model.fault(content):
            raise DownloadError(f"{model.url}: {fault}; nothing was kept")
        write_atomically(target, content)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}") from error


def _fetch(model: Download, progress: Progress, wait: Callable[[float], None]) -> bytes:
    """Return the content of the file; retry if the network fails."""
    backoff = Backoff(1.0, 8.0)
    end = time.monotonic() + TOTAL_S
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(backoff.next())
        try:
            return _in_time(end, lambda: _fetch_once(model, progress, end))
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server says {error.code} {one_line(error.reason)}"
            if error.code < 500:  # another attempt would not help
                raise DownloadError(f"{model.url}: {reason}") from error
        except urllib.error.URLError as error:
            reason = one_line(error.reason)
        except TotalTimeError:
            reason = f"it takes longer than {TOTAL_S:g} s"
            break
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = one_line(error) or type(error).__name__
    raise DownloadError(
        f"{model.url} cannot be downloaded: {reason}",
        remedy="is the network up? (proxy: https_proxy)",
    )


def _in_time(end: float, fetch: Callable[[], bytes]) -> bytes:
    """Return the result of a function that may hang; raise what it raises, or TotalTimeError.

    The function runs in its own thread, because reading HTTP headers has no total time limit.
    """
    result: Future[bytes] = Future()

    def work() -> None:
        try:
            result.set_result(fetch())
        except Exception as error:  # noqa: BLE001 - passed on: the caller raises it
            result.set_exception(error)

    threading.Thread(target=work, name="download", daemon=True).start()
    done, _ = concurrent.futures.wait((result,), max(end - time.monotonic(), 0.0))
    if not done:
        raise TotalTimeError
    return result.result()


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from HTTPS to an unencrypted connection."""

    def redirect_request(  # noqa: PLR0917 - as the base class has it
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request for the new address; raise DownloadError if it is not safe."""
        allowed = ("https",) if req.type == "https" else ("http", "https")
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in allowed:
            fp.close()
            raise DownloadError(
                f"{req.full_url}: it redirects to {one_line(redact(newurl))}, which is not safe"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch_once(model: Download, progress: Progress, end: float) -> bytes:
    """Return the content of the file in one attempt; network errors are not handled."""
    headers = {"User-Agent": "pose-edge", "Accept-Encoding": "identity"}
    request = urllib.request.Request(model.url, headers=headers)  # noqa: S310 - a listed address
    limit = model.size or MAX_BYTES
    content = bytearray()
    # A new opener reads the current proxy settings; `urlopen` keeps those of its first use.
    with urllib.request.build_opener(SafeRedirects()).open(request, timeout=TIMEOUT_S) as answer:
        length = answer.headers.get("Content-Length")
        declared = int(length) if length and DIGITS.fullmatch(length) else model.size
        while chunk := answer.read1(CHUNK):
            content += chunk
            if len(content) > limit or (declared or 0) > limit:
                raise DownloadError(f"{model.url}: more than {limit} bytes; nothing was kept")
            if time.monotonic() > end:
                raise TotalTimeError
            progress(len(content), model.size or declared)
    if declared is not None and len(content) < declared:
        raise http.client.IncompleteRead(b"", declared - len(content))
    return bytes(content)
