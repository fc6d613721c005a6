"""An X server without a physical screen, of which tests take screenshots."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


class Xvfb:
    """A running X server."""

    def __init__(self, display: str, framebuffer: Path, process: subprocess.Popen[bytes]) -> None:
        self.display = display
        self._framebuffer = framebuffer
        self._process = process

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server, as at the end of a desktop session, and wait until it has exited."""
        self._process.send_signal(how)
        self._process.wait(10)

    def screenshot(self) -> NDArray[np.uint8]:
        """Return the content of the screen, uint8 (height, width, 3), RGB.

        The server keeps its screen in a file in xwd's format: a header of big-endian words, a
        colour map, then the pixels with 32 bits each.
        """
        raw = self._framebuffer.read_bytes()
        header = struct.unpack(">25I", raw[:100])
        header_size, width, height = header[0], header[4], header[5]
        byte_order, bits, row_bytes, colours = header[7], header[11], header[12], header[19]
        assert (byte_order, bits) == (0, 32), "pixels are expected as B, G, R and a spare byte"
        start = header_size + 12 * colours
        rows = np.frombuffer(raw, np.uint8, height * row_bytes, start).reshape(height, row_bytes)
        return rows[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1]

    def xdotool(self, *arguments: str) -> str:
        """Run xdotool, e.g. to move the mouse or type keys, and return its output.

        The test is skipped if xdotool is not installed.
        """
        program = shutil.which("xdotool")
        if program is None:
            pytest.skip("xdotool is not installed")
        done = subprocess.run(
            [program, *arguments],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout.strip()

    def window_number(self) -> str:
        """Return the id of the window at the centre of the screen."""
        height, width = self.screenshot().shape[:2]
        middle = (str(width // 2), str(height // 2))
        answer = self.xdotool("mousemove", *middle, "getmouselocation", "--shell")
        return next(line.removeprefix("WINDOW=") for line in answer.split() if "WINDOW=" in line)

    def focus(self) -> None:
        """Give the window the keyboard focus, as there is no window manager to do it."""
        self.xdotool("windowfocus", self.window_number())


@contextmanager
def xvfb(width: int = 800, height: int = 600) -> Iterator[Xvfb]:
    """Run an X server with one screen; skip the test if Xvfb is not installed.

    Args:
        width: Width of the screen, pixels.
        height: Height of the screen, pixels.
    """
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed")
    with tempfile.TemporaryDirectory() as folder:
        reader, writer = os.pipe()
        server = subprocess.Popen(
            [
                *(program, "-displayfd", str(writer), "-fbdir", folder),
                *("-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"),
            ],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        try:
            with os.fdopen(reader) as answer:
                number = answer.readline().strip()
            if not number:
                pytest.skip("Xvfb does not start here")
            yield Xvfb(f":{number}", Path(folder) / "Xvfb_screen0", server)
        finally:
            server.terminate()
            server.wait(10)
