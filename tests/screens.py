"""Helpers for tests of screens: a graphics card's outputs in a fake sysfs, and plain scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_edge.frames import ColourOrder
from pose_edge.overlay import Drawing, Overlay, Scene


def add_output(sysfs: Path, name: str, status: str, *, number: int | None = None) -> Path:
    """Add an output of a graphics card to a fake sysfs.

    Args:
        sysfs: The fake sysfs.
        name: Name of the output, e.g. "card1-HDMI-A-1".
        status: Content of its file `status`, e.g. "connected".
        number: Connector id; None for no such file.

    Returns:
        Folder of the output.
    """
    folder = sysfs / "class" / "drm" / name
    folder.mkdir(parents=True)
    (folder / "status").write_text(status + "\n")
    if number is not None:
        (folder / "connector_id").write_text(f"{number}\n")
    return folder


def bring_to_front(sysfs: Path, terminal: str) -> None:
    """Bring a virtual terminal to the front, in a fake sysfs."""
    folder = sysfs / "class" / "tty" / "tty0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "active").write_text(terminal + "\n")


def plain(
    width: int, height: int, colour: tuple[int, int, int], order: ColourOrder = "RGB"
) -> NDArray[np.uint8]:
    """Return a picture of one colour."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = colour if order == "RGB" else colour[::-1]
    return image


def scene_of(
    image: NDArray[np.uint8],
    order: ColourOrder = "RGB",
    *,
    mirror: bool = False,
    overlay: Overlay = lambda _size, _place: Drawing(),
) -> Scene:
    """Return a scene of a picture, by default with an empty overlay."""
    height, width = image.shape[:2]
    return Scene((width, height), overlay, image, order, mirror)
