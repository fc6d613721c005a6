"""A real RTSP server for the tests, which can be stopped, suspended and restarted."""

from __future__ import annotations

import os
import signal
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Self
from urllib.parse import quote

import av
import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
SERVE = Path(__file__).with_name("rtsp_serve.py")
NEEDED = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
PROBE = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(name) for name in ("qtdemux", "h264parse", "rtph264pay"))
"""


def need_server() -> None:
    """Skip the test if the RTSP server's packages are not installed."""
    found = Path(SYSTEM_PYTHON).exists() and (
        subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, check=False).returncode
        == 0
    )
    if not found:
        pytest.skip(f"no RTSP server: apt-get install {NEEDED}")


def lengthen(clip: Path, target: Path, rounds: int) -> Path:
    """Write a file with a silent video repeated `rounds` times, without re-encoding."""
    with av.open(str(target), "w") as out:
        stream, shift = None, 0
        for _ in range(rounds):
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                assert video.time_base is not None
                assert video.average_rate is not None
                interval = round(Fraction(1) / video.average_rate / video.time_base)
                last = 0
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    last = max(last, packet.pts)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += last + interval
    return target


class RtspServer:
    """Plays a video from its start to each client; the port stays the same after a restart."""

    def __init__(self, video: Path, credentials: str = "") -> None:
        """Create the server without starting it.

        Args:
            video: An MP4 file with H.264.
            credentials: Required login, "digest:USER:PASSWORD" or "basic:USER:PASSWORD"; empty for
                none.
        """
        self._video = video
        self._credentials = credentials
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """The URL without user and password."""
        return f"rtsp://127.0.0.1:{self.port}/live"

    @property
    def url(self) -> str:
        """The URL with user and password."""
        if not self._credentials:
            return self.address
        _method, user, password = self._credentials.split(":", 2)
        return self.address.replace("//", f"//{quote(user, '')}:{quote(password, '')}@")

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SERVE), str(self._video), "--port", str(self.port)]
            + (["--credentials", self._credentials] if self._credentials else []),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.strip(), "the RTSP server did not start"
        self.port = int(line)

    def stop(self) -> None:
        """Kill the server, as when a camera loses power."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stall(self) -> None:
        """Suspend the server: it keeps its connections, but sends nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `stall`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop."""
        self.stop()
