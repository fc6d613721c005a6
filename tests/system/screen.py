"""The machine's screen: what is on it, and its plug."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from system.camera import CAMERA_SIZE
from system.machine import Machine
from system.program import Line

from pose_edge.frames import Image
from pose_edge.overlay.palette import ORANGE, SKY_BLUE, WHITE, Colour
from pose_edge.poses import SKELETON

SMALL: Final = (160, 90)
"""Size at which pictures are compared, pixels."""
BELOW_READOUT: Final = 40
"""The first row, of these 90, that nothing but the skeleton is drawn over."""

DRAWN: Final = 0.25
"""Keypoints with a lower score are not drawn."""
NEAR: Final = 2
"""Pixels that a limb may be away from where it should be."""
ALIKE: Final = 45
"""Difference per channel up to which a colour is the one that is looked for."""
BAR: Final = 56
"""Rows above a picture of 16:9 on a screen of 4:3, where nothing but the read-out is drawn."""
BRIGHT: Final = 185
"""From here on a pixel belongs to a letter."""


def place(frame: tuple[int, int], screen: tuple[int, int]) -> tuple[float, float, float]:
    """Return scale, left and top edge of a frame that fills the screen, its aspect kept."""
    scale = min(screen[0] / frame[0], screen[1] / frame[1])
    return scale, (screen[0] - frame[0] * scale) / 2, (screen[1] - frame[1] * scale) / 2


def picture_part(shown: Image, frame: tuple[int, int]) -> Image:
    """Cut off the bars beside or above a frame of the given width and height."""
    height, width = shown.shape[:2]
    scale, left, top = place(frame, (width, height))
    right, bottom = left + frame[0] * scale, top + frame[1] * scale
    return shown[round(top) : round(bottom), round(left) : round(right)]


def limb_colour(a: int, b: int) -> Colour:
    """Return the colour that the manual promises: left blue, right orange, middle white."""
    if a == 0 or a % 2 != b % 2:
        return WHITE
    return SKY_BLUE if a % 2 else ORANGE


def skeleton_found(shown: Image, line: Line) -> float:
    """Return which part of the limbs of a line's first person is on the screen where it should be.

    Args:
        shown: BGR picture of the screen.
        line: The poses.

    Returns:
        0...1, by the lengths of the limbs that are to be drawn.
    """
    height, width = shown.shape[:2]
    frame = line["frame"][0], line["frame"][1]
    scale, left, top = place(frame, (width, height))
    keypoints = np.asarray(line["poses"][0]["keypoints"])
    places = keypoints[:, :2] * frame * scale + (left, top)
    hits: list[bool] = []
    for a, b in SKELETON:
        if min(keypoints[a, 2], keypoints[b, 2]) < DRAWN:
            continue
        colour = limb_colour(a, b)
        steps = max(2, round(float(np.hypot(*(places[b] - places[a])))))
        # Not the joints at the ends, which have colours of their own.
        for part in np.linspace(0.25, 0.75, steps):
            x, y = np.round(places[a] + part * (places[b] - places[a])).astype(int)
            hits.append(_has_colour(shown, x, y, colour))
    return float(np.mean(hits)) if hits else 0.0


def bright_pixels(shown: Image) -> int:
    """Count the pixels that are as bright and colourless as letters are."""
    return int((shown.min(axis=2) >= BRIGHT).sum())


def _has_colour(shown: Image, x: int, y: int, colour: Colour) -> bool:
    around = shown[max(0, y - NEAR) : y + NEAR + 1, max(0, x - NEAR) : x + NEAR + 1]
    difference = np.abs(around.astype(int) - colour[::-1]).max(axis=2)
    return bool(difference.size and difference.min() <= ALIKE)


class ReferenceVideo:
    """Knows the video that the camera plays."""

    def __init__(self, frames: Sequence[Image]) -> None:
        """Remember every frame, small."""
        self._known = np.stack([self._signature(frame) for frame in frames])

    def similarity(self, picture: Image) -> float:
        """Return how much a picture is like one of the video: the best correlation, -1...1."""
        return float((self._known @ self._signature(picture)).max())

    def index(self, picture: Image) -> int:
        """Return which frame of the video a picture is most like."""
        return int((self._known @ self._signature(picture)).argmax())

    @staticmethod
    def _signature(picture: Image) -> NDArray[np.float64]:
        small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)[BELOW_READOUT:].astype(np.float64)
        centred = (grey - grey.mean()).ravel()
        return np.asarray(centred / max(1e-9, float(np.linalg.norm(centred))))


class Screen:
    """Looks at the screen, and pulls its plug."""

    def __init__(self, machine: Machine, reference: ReferenceVideo) -> None:
        """Look at a machine's screen, on which the reference's video may be seen."""
        self._machine = machine
        self._reference = reference

    def dump(self) -> Image:
        """Return what is on it, BGR."""
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            self._machine.command("screendump", filename=file.name)
            picture = cv2.imread(file.name)
        assert picture is not None, "QEMU wrote no picture"
        return np.asarray(picture, dtype=np.uint8)

    def similarity(self, frame: tuple[int, int] = CAMERA_SIZE) -> float:
        """Return how much the screen is like the video; see `ReferenceVideo.similarity`."""
        return self._reference.similarity(picture_part(self.dump(), frame))

    def shows_video(self, frame: tuple[int, int] = CAMERA_SIZE) -> bool:
        """Return whether the video is on it, and moves."""
        if self.similarity(frame) < 0.8:
            return False
        before, until = self.dump(), time.monotonic() + 1.0
        while time.monotonic() < until:
            if (cv2.absdiff(before, self.dump()).max(axis=2) > 8).mean() > 0.01:
                return True
        return False

    def plug(self, *, connected: bool) -> None:
        """Plug it in or pull it, as the system in the machine sees it."""
        word = "detect" if connected else "off"
        self._machine.agent(
            f"for s in /sys/class/drm/card*-*/status; do echo {word} >$s; done; udevadm trigger "
            "--action=change --subsystem-match=drm"
        )


def wait_for(condition: Callable[[], bool], what: str, limit: float) -> float:
    """Wait until something is true, and return the seconds that it took.

    Raises:
        AssertionError: It is not true in time.
    """
    began = time.monotonic()
    while not condition():
        passed = time.monotonic() - began
        assert passed < limit, f"{what}: not within {limit:g} s"
        time.sleep(0.05)
    return time.monotonic() - began
