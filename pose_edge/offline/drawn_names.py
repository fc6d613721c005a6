"""The names of drawn pictures: not every kind of picture that can be read can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Final

WRITTEN_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff")
)
"""Kinds of pictures that are written; of another kind a JPEG is made."""


def name_in_folder(name: str) -> str:
    """Return the name for the drawn copy of a picture of a folder.

    The whole name is kept, because a.heic may lie beside a.jpg.

    >>> name_in_folder("a.png"), name_in_folder("a.heic")
    ('a.png', 'a.heic.jpg')
    """
    return name if _is_written(name) else f"{name}.jpg"


def name_alone(name: str) -> str:
    """Return the name for the drawn copy of a picture in the current folder.

    >>> name_alone("a.png"), name_alone("a.heic")
    ('a-poses.png', 'a-poses.jpg')
    """
    path = Path(name)
    return f"{path.stem}-poses{path.suffix if _is_written(name) else '.jpg'}"


def _is_written(name: str) -> bool:
    return Path(name).suffix.lower() in WRITTEN_SUFFIXES
