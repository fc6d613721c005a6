"""The machine's screen: reading its content, and plugging and unplugging it."""

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
"""Width and height at which pictures are compared, in pixels."""
BELOW_READOUT: Final = 40
"""First of those 90 rows that is below the read-out, where only the skeleton is drawn."""
HALVES: Final = (slice(0, SMALL[0] // 2), slice(SMALL[0] // 2, None))
"""Left and right half of those columns. A panel in a corner covers little of the other half."""
LIKE: Final = 0.8
"""Least correlation at which a picture counts as a frame of the video."""

DRAWN: Final = 0.25
"""Lowest score of a keypoint that is drawn."""
NEAR: Final = 2
"""Largest distance of a limb from its expected place, in pixels."""
ALIKE: Final = 45
"""Largest difference per channel between a pixel and the expected colour."""
BAR: Final = 56
"""Number of rows above a 16:9 picture on the 4:3 screen, which contain only the read-out."""
BRIGHT: Final = 185
"""Least value of all channels of a pixel that belongs to a letter."""


def place(frame: tuple[int, int], screen: tuple[int, int]) -> tuple[float, float, float]:
    """Return scale, left and top edge of a frame fitted to the screen, keeping its aspect ratio."""
    scale = min(screen[0] / frame[0], screen[1] / frame[1])
    return scale, (screen[0] - frame[0] * scale) / 2, (screen[1] - frame[1] * scale) / 2


def picture_part(shown: Image, frame: tuple[int, int]) -> Image:
    """Crop the letterbox bars around a frame of the given width and height."""
    height, width = shown.shape[:2]
    scale, left, top = place(frame, (width, height))
    right, bottom = left + frame[0] * scale, top + frame[1] * scale
    return shown[round(top) : round(bottom), round(left) : round(right)]


def limb_colour(a: int, b: int) -> Colour:
    """Return the documented colour of a limb: left blue, right orange, middle white."""
    if a == 0 or a % 2 != b % 2:
        return WHITE
    return SKY_BLUE if a % 2 else ORANGE


def skeleton_found(shown: Image, line: Line) -> float:
    """Return the fraction of the first person's limbs that are drawn in the expected place.

    Args:
        shown: BGR picture of the screen.
        line: The pose line; its first pose is compared.

    Returns:
        The fraction of the total length of the limbs that should be drawn, 0...1.
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
        # Leave out the ends of the limb, where the joints are drawn in other colours.
        for part in np.linspace(0.25, 0.75, steps):
            x, y = np.round(places[a] + part * (places[b] - places[a])).astype(int)
            hits.append(_has_colour(shown, x, y, colour))
    return float(np.mean(hits)) if hits else 0.0


def bright_pixels(shown: Image) -> int:
    """Return the number of pixels as bright and colourless as letters."""
    return int((shown.min(axis=2) >= BRIGHT).sum())


def _has_colour(shown: Image, x: int, y: int, colour: Colour) -> bool:
    around = shown[max(0, y - NEAR) : y + NEAR + 1, max(0, x - NEAR) : x + NEAR + 1]
    difference = np.abs(around.astype(int) - colour[::-1]).max(axis=2)
    return bool(difference.size and difference.min() <= ALIKE)


class ReferenceVideo:
    """Recognises frames of the video that the camera plays."""

    def __init__(self, frames: Sequence[Image]) -> None:
        """Store a signature of every frame, computed at the size `SMALL`."""
        self._known = np.stack([self._signature(frame) for frame in frames])
        self._halves = [
            np.stack([self._signature(frame, half) for frame in frames]) for half in HALVES
        ]

    def similarity(self, picture: Image) -> float:
        """Return the best correlation of a picture with any frame of the video, -1...1."""
        return float((self._known @ self._signature(picture)).max())

    def shown_in(self, picture: Image) -> bool:
        """Return whether a picture shows the video; a long fault may cover one of its corners."""
        pairs = zip(HALVES, self._halves, strict=True)
        best = max((known @ self._signature(picture, half)).max() for half, known in pairs)
        return bool(best > LIKE)

    def index(self, picture: Image) -> int:
        """Return the index of the video frame that correlates best with a picture."""
        return int((self._known @ self._signature(picture)).argmax())

    @staticmethod
    def _signature(picture: Image, columns: slice = slice(None)) -> NDArray[np.float64]:
        small = cv2.resize(picture, SMALL, interpolation=cv2.INTER_AREA)[BELOW_READOUT:, columns]
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float64)
        centred = (grey - grey.mean()).ravel()
        return np.asarray(centred / max(1e-9, float(np.linalg.norm(centred))))


class Screen:
    """Reads a machine's screen, and plugs and unplugs it."""

    def __init__(self, machine: Machine, reference: ReferenceVideo) -> None:
        """Create access to a machine's screen, on which the reference's video may be shown."""
        self._machine = machine
        self._reference = reference

    def dump(self) -> Image:
        """Return a screenshot, BGR."""
        with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
            self._machine.command("screendump", filename=file.name)
            picture = cv2.imread(file.name)
        assert picture is not None, "QEMU wrote no picture"
        return np.asarray(picture, dtype=np.uint8)

    def similarity(self, frame: tuple[int, int] = CAMERA_SIZE) -> float:
        """Return the similarity of the screen to the video; see `ReferenceVideo.similarity`."""
        return self._reference.similarity(picture_part(self.dump(), frame))

    def shows_video(self, frame: tuple[int, int] = CAMERA_SIZE) -> bool:
        """Return whether the screen shows the video, and the picture changes within a second."""
        if self.similarity(frame) < LIKE:
            return False
        before, until = self.dump(), time.monotonic() + 1.0
        while time.monotonic() < until:
            if (cv2.absdiff(before, self.dump()).max(axis=2) > 8).mean() > 0.01:
                return True
        return False

    def plug(self, *, connected: bool) -> None:
        """Make the system in the machine see the screen as connected or disconnected."""
        word = "detect" if connected else "off"
        self._machine.agent(
            f"for s in /sys/class/drm/card*-*/status; do echo {word} >$s; done; udevadm trigger "
            "--action=change --subsystem-match=drm"
        )


def wait_for(condition: Callable[[], bool], what: str, limit: float) -> float:
    """Wait until a condition is true, and return the seconds that it took.

    Args:
        condition: Called every 50 ms.
        what: Names the condition in the error.
        limit: Time limit in seconds.

    Raises:
        AssertionError: The condition was not true within `limit`.
    """
    began = time.monotonic()
    while not condition():
        passed = time.monotonic() - began
        assert passed < limit, f"{what}: not within {limit:g} s"
        time.sleep(0.05)
    return time.monotonic() - began
